/** Writes to whoever may be slow; resolves when it has room for more, or is gone. */
export async function written(target: NodeJS.WritableStream, data: Buffer, end: boolean): Promise<void> {
  if (data.length > 0 && !target.write(data) && !isGone(target)) await drained(target);
  if (end) target.end();
}

function isGone(target: NodeJS.WritableStream): boolean {
  return 'destroyed' in target && target.destroyed === true;
}

function drained(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of ['drain', 'close', 'error']) stream.off(event, done);
      resolve();
    };
    for (const event of ['drain', 'close', 'error']) stream.on(event, done);
  });
}
