import { expect, it } from 'vitest';
import { abortable } from './abortable.ts';

it('a promise is waited for until it brings something, fails, or a signal aborts', async () => {
  const stop = new AbortController();
  await expect(abortable(Promise.resolve(1), stop.signal)).resolves.toBe(1);
  await expect(abortable(Promise.resolve(1), undefined)).resolves.toBe(1);
  await expect(abortable(Promise.reject(new Error('no')), stop.signal)).rejects.toThrow('no');
  const waiting = abortable(new Promise(() => undefined), stop.signal);
  stop.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  await expect(abortable(Promise.resolve(1), stop.signal)).rejects.toThrow('enough');
});
