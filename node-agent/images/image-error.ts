/** Why an image can't be had. `code` is one row of this table; the message names image and place. */
export type ImageErrorCode =
  /** The text is no image name. */
  | 'InvalidName'
  /** The registry doesn't know it, or it isn't in the store. */
  | 'NotFound'
  /** Credentials are missing or wrong. */
  | 'Unauthorized'
  /** The registry can't be reached or answers nonsense. */
  | 'Unavailable'
  /** Bytes are not what they claim to be. */
  | 'Corrupt'
  /** There is none for this machine. */
  | 'NoPlatform'
  /** A pod uses it. */
  | 'InUse';

export class ImageError extends Error {
  readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ImageError';
    this.code = code;
  }
}

/** What is asked for; undefined when it fails for one of these reasons. */
export async function unless<T>(codes: readonly ImageErrorCode[], asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ImageError && codes.includes(error.code)) return undefined;
    throw error;
  }
}
