import { invalid, invalidObject, Path } from '../../../machinery/field-path.ts';
import type { AgentResult, Call } from '../../request.ts';
import type { Resource } from '../../resources/define.ts';
import type { Reader } from '../reader.ts';
import type { Writer } from '../writer.ts';
import { agentOf, containerOf, nodeOf, pick, podOf } from './agent.ts';

const passed = {
  follow: 'follow', previous: 'previous', tailLines: 'tailLines', sinceSeconds: 'sinceSeconds', sinceTime: 'sinceTime', timestamps: 'timestamps',
  limitBytes: 'limitBytes', stream: 'stream',
};
const smallest: Readonly<Record<string, number>> = { tailLines: 0, sinceSeconds: 1, limitBytes: 1 };

/** GET `pods/log`: the node's agent has the text. */
export async function log(deps: Reader & Writer, nodes: Resource, call: Call): Promise<AgentResult> {
  checkNumbers(call);
  const pod = await podOf(deps, call);
  const node = nodeOf(pod);
  const container = containerOf(pod, call.query['container']);
  const { namespace, name } = call.info;
  return agentOf(deps, nodes, node, `/containerLogs/${namespace}/${name}/${container}`, pick(call.search, passed));
}

function checkNumbers({ query }: Call): void {
  const errors = Object.entries(smallest).flatMap(([option, least]) => {
    const text = query[option];
    if (text === undefined || text === '') return [];
    const number = Number(text);
    if (Number.isSafeInteger(number) && number >= least) return [];
    const detail = least === 0 ? 'must be greater than or equal to 0' : 'must be greater than 0';
    return [invalid(new Path(option), Number.isNaN(number) ? text : number, detail)];
  });
  if (errors.length > 0) throw invalidObject({ group: '', kind: 'PodLogOptions' }, '', errors);
}
