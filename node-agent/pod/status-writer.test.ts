import { describe, expect, it } from 'vitest';
import { manualClock } from '../../machinery/clock.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { failure } from '../../machinery/status.ts';
import { createClient } from '../../client/client.ts';
import { silentLog } from '../../client/log.ts';
import { createStatusWriter, type StatusWriter } from './status-writer.ts';

const pod: Pod = { metadata: { name: 'web', namespace: 'ns', uid: 'u' }, status: { podIPs: [{ ip: '10.42.0.1' }] } };

/** A writer on an API that answers as `answers` say, then always well. */
function writer(...answers: readonly Error[]): { readonly writer: StatusWriter; readonly bodies: unknown[]; readonly clock: ReturnType<typeof manualClock> } {
  const clock = manualClock();
  const bodies: unknown[] = [];
  const client = createClient({
    async request({ body }) {
      bodies.push(body);
      const error = answers[bodies.length - 1];
      if (error !== undefined) throw error;
      return { metadata: { resourceVersion: String(10 * bodies.length) } };
    },
    async *watch() {},
  });
  return { writer: createStatusWriter(client, clock, silentLog, new AbortController().signal), bodies, clock };
}

/** Lets everything run that waits for nothing but its turn. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('writing a pod\'s status', () => {
  it('sends the newest, once', async () => {
    const { writer: statuses, bodies } = writer();
    statuses.write(pod, { phase: 'Pending' }, 0);
    statuses.write(pod, { phase: 'Running' }, 0);
    await statuses.flush('u');
    statuses.write(pod, { phase: 'Running' }, 0);
    await statuses.flush('u');
    expect(bodies).toEqual([{ metadata: { uid: 'u' }, status: { phase: 'Pending' } }, { metadata: { uid: 'u' }, status: { phase: 'Running' } }]);
  });

  it('spares news that are overtaken', async () => {
    const { writer: statuses, bodies, clock } = writer();
    statuses.write(pod, { phase: 'Pending' }, 100);
    clock.advance(99);
    statuses.write(pod, { phase: 'Running' }, 0);
    await statuses.flush('u');
    expect(bodies).toHaveLength(1);
    statuses.write(pod, { phase: 'Pending' }, 100);
    clock.advance(100);
    await statuses.flush('u');
    expect(bodies).toHaveLength(2);
  });

  it('replaces an address that has changed', async () => {
    const { writer: statuses, bodies } = writer();
    statuses.write(pod, { podIPs: [{ ip: '10.42.0.2' }] }, 0);
    await statuses.flush('u');
    expect(bodies).toEqual([{ metadata: { uid: 'u' }, status: { podIPs: [{ ip: '10.42.0.2' }, { $patch: 'replace' }] } }]);
  });

  it('takes away the reason of a condition that has none any more', async () => {
    const { writer: statuses, bodies } = writer();
    statuses.write(pod, { conditions: [{ type: 'Ready', status: 'True' }, { type: 'ContainersReady', status: 'False', reason: 'R' }] }, 0);
    await statuses.flush('u');
    const conditions = [{ type: 'Ready', status: 'True', reason: null, message: null }, { type: 'ContainersReady', status: 'False', reason: 'R', message: null }];
    expect(bodies).toEqual([{ metadata: { uid: 'u' }, status: { conditions } }]);
  });

  it('takes away a condition that is there for a time only', async () => {
    const { writer: statuses, bodies } = writer();
    const ready = { type: 'Ready', status: 'True' };
    statuses.write(pod, { conditions: [ready, { type: 'PodResizePending', status: 'True', reason: 'Deferred' }] }, 0);
    await statuses.flush('u');
    statuses.write(pod, { conditions: [ready] }, 0);
    await statuses.flush('u');
    statuses.write({ ...pod, status: { conditions: [{ type: 'PodResizeInProgress', status: 'True' }] } }, { phase: 'Running', conditions: [ready] }, 0);
    await statuses.flush('u');
    const written = { ...ready, reason: null, message: null };
    expect(bodies.slice(1)).toEqual([
      { metadata: { uid: 'u' }, status: { conditions: [written, { $patch: 'delete', type: 'PodResizePending' }] } },
      { metadata: { uid: 'u' }, status: { phase: 'Running', conditions: [written, { $patch: 'delete', type: 'PodResizeInProgress' }] } },
    ]);
  });

  it('tries again until the API answers', async () => {
    const { writer: statuses, bodies, clock } = writer(failure('ServiceUnavailable', 'no'), failure('InternalError', 'no'));
    statuses.write(pod, { phase: 'Running' }, 0);
    for (const ms of [200, 400]) {
      await turn();
      clock.advance(ms);
    }
    await statuses.flush('u');
    expect(bodies).toHaveLength(3);
  });

  it('writes again what others have overwritten since, and nothing that is only late', async () => {
    const { writer: statuses, bodies } = writer();
    const stands = (resourceVersion: string, status: string): Pod => ({ metadata: { ...pod.metadata, resourceVersion }, status: { conditions: [{ type: 'Ready', status }] } });
    statuses.write(pod, { conditions: [{ type: 'Ready', status: 'True' }] }, 0);
    await statuses.flush('u');
    statuses.check(stands('9', 'False'));
    statuses.check(stands('11', 'True'));
    await statuses.flush('u');
    expect(bodies).toHaveLength(1);
    statuses.check(stands('12', 'False'));
    await statuses.flush('u');
    expect(bodies).toEqual([bodies[0], bodies[0]]);
  });

  it('writes again what was overwritten while it was being written', async () => {
    const { writer: statuses, bodies } = writer();
    statuses.write(pod, { conditions: [{ type: 'Ready', status: 'True' }] }, 0);
    statuses.check({ metadata: { ...pod.metadata, resourceVersion: '11' }, status: { conditions: [{ type: 'Ready', status: 'False' }] } });
    await statuses.flush('u');
    expect(bodies).toHaveLength(2);
  });

  it.each(['NotFound', 'Conflict'] as const)('gives up when the pod is gone: %s', async (reason) => {
    const { writer: statuses, bodies } = writer(failure(reason, 'gone'));
    statuses.write(pod, { phase: 'Running' }, 0);
    await statuses.flush('u');
    statuses.write(pod, { phase: 'Failed' }, 0);
    await statuses.flush('u');
    expect(bodies).toHaveLength(1);
  });

  describe('of a static pod', () => {
    const uid = 'a'.repeat(32);
    const ofFile: Pod = { metadata: { name: 'web-n', namespace: 'ns', uid } };
    const mirror = (of: string, status: Pod['status'] = {}): Pod => ({ metadata: { name: 'web-n', namespace: 'ns', uid: of, resourceVersion: '1' }, status });

    it('waits for a mirror, and goes to it', async () => {
      const { writer: statuses, bodies } = writer();
      statuses.write(ofFile, { phase: 'Pending' }, 0);
      statuses.write(ofFile, { phase: 'Running' }, 0);
      await turn();
      expect(bodies).toEqual([]);
      statuses.show(uid, mirror('m1'));
      await statuses.flush(uid);
      statuses.write(ofFile, { phase: 'Failed' }, 0);
      await statuses.flush(uid);
      expect(bodies).toEqual([{ metadata: { uid: 'm1' }, status: { phase: 'Running' } }, { metadata: { uid: 'm1' }, status: { phase: 'Failed' } }]);
    });

    it('is told in full to every mirror that follows', async () => {
      const { writer: statuses, bodies } = writer(failure('NotFound', 'no such pod'));
      statuses.show(uid, mirror('m1'));
      statuses.write(ofFile, { phase: 'Running' }, 0);
      await statuses.flush(uid);
      statuses.show(uid, undefined);
      statuses.write(ofFile, { phase: 'Running', message: 'news' }, 0);
      await turn();
      expect(bodies).toHaveLength(1);
      statuses.show(uid, mirror('m2'));
      await statuses.flush(uid);
      statuses.show(uid, mirror('m2'));
      await turn();
      expect(bodies.slice(1)).toEqual([{ metadata: { uid: 'm2' }, status: { phase: 'Running', message: 'news' } }]);
    });

    it('is not taken for told when another mirror comes while it is on its way', async () => {
      const { writer: statuses, bodies } = writer();
      statuses.show(uid, mirror('m1'));
      statuses.write(ofFile, { phase: 'Running' }, 0);
      statuses.show(uid, mirror('m2'));
      await statuses.flush(uid);
      expect(bodies).toEqual(['m1', 'm2'].map((each) => ({ metadata: { uid: each }, status: { phase: 'Running' } })));
    });

    it('has the class that admission made of its mirror', async () => {
      const { writer: statuses, bodies } = writer();
      statuses.show(uid, mirror('m1', { qosClass: 'Burstable' }));
      statuses.write(ofFile, { qosClass: 'BestEffort' }, 0);
      await statuses.flush(uid);
      expect(bodies).toEqual([{ metadata: { uid: 'm1' }, status: { qosClass: 'Burstable' } }]);
    });
  });
});
