/** Reads YAML on a thread of its own: the library takes a second for what fits into a request. */
import { parentPort } from 'node:worker_threads';
import { messageOf } from '../../machinery/thrown.ts';
import { stringifyExact } from './json-exact.ts';
import { readYaml } from './yaml-text.ts';
import type { YamlOutcome, YamlReply, YamlRequest } from './yaml-reader.ts';

const port = parentPort;
if (port === null) throw new Error('the YAML reader runs in a worker thread');

port.on('message', ({ id, bytes }: YamlRequest) => {
  const reply: YamlReply = { id, result: outcomeOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) };
  port.postMessage(reply);
});

function outcomeOf(bytes: Buffer): YamlOutcome {
  try {
    const { value, duplicates } = readYaml(bytes);
    return { json: Buffer.from(stringifyExact(value)), duplicates };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}
