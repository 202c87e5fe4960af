/** A container that can't be started: the waiting reason and message of its status, and the event that tells why. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
  readonly reason: string;
  readonly eventReason: string;
  readonly eventMessage: string;
  /** The image that could not be pulled. */
  readonly image: string | undefined;

  constructor(reason: string, message: string, eventReason = 'Failed', eventMessage = message, image?: string) {
    super(message);
    this.reason = reason;
    this.eventReason = eventReason;
    this.eventMessage = eventMessage;
    this.image = image;
  }
}
