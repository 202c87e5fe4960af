import type { Revision, Store } from './store.ts';

/**
 * Asks the store for its newest revision. Callers that come while a question is under way share the next one: an answer
 * counts only for those who asked before it was sent.
 */
export function createNewestRevision(store: Pick<Store, 'range'>): () => Promise<Revision> {
  let running: Promise<Revision> | undefined;
  let following: Promise<Revision> | undefined;

  async function ask(): Promise<Revision> {
    const { revision } = await store.range({ from: '/registry/', to: '/registry/', countOnly: true });
    return revision;
  }

  function start(): Promise<Revision> {
    following = undefined;
    const question = ask().finally(() => {
      if (running === question) running = undefined;
    });
    running = question;
    return question;
  }

  return () => {
    if (running === undefined) return start();
    following ??= running.then(start, start);
    return following;
  };
}
