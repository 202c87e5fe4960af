import type { WatchSink } from './store.ts';

/** A watch that never began; its sink learns why once its owner holds the watch. */
export function endedWatch(sink: WatchSink, error: Error): { close(): void } {
  let isOpen = true;
  queueMicrotask(() => {
    if (isOpen) sink.end(error);
  });
  return {
    close() {
      isOpen = false;
    },
  };
}
