/** What never reaches the audit log, whatever its policy: the data of Secrets, and tokens. Pure. */
import type { RequestInfo } from '../request.ts';

const hidden = '<redacted>';
/** kubectl apply keeps the whole object here. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

type Fields = Readonly<Record<string, unknown>>;

/** `value` as it may be written down; undefined when nothing of it may. */
export function redacted(info: Pick<RequestInfo, 'group' | 'resource' | 'subresource' | 'verb'>, value: unknown): unknown {
  if (info.group === '' && info.resource === 'secrets') return ofSecret(value, info.verb === 'patch');
  if (info.resource === 'tokenreviews' || (info.resource === 'serviceaccounts' && info.subresource === 'token')) return ofToken(value);
  return value;
}

/** Of a patch in operations nothing is kept: any of them may carry data. */
function ofSecret(value: unknown, isPatch: boolean): unknown {
  if (!isObject(value)) return isPatch ? undefined : value;
  const items = value['items'];
  if (Array.isArray(items)) return { ...value, items: items.map((item: unknown) => ofSecret(item, false)) };
  return withoutLastApplied({ ...value, ...hiddenValues(value, 'data'), ...hiddenValues(value, 'stringData') });
}

function hiddenValues(value: Fields, name: string): Fields {
  const data = value[name];
  return isObject(data) ? { [name]: Object.fromEntries(Object.keys(data).map((key) => [key, hidden])) } : {};
}

function withoutLastApplied(value: Fields): Fields {
  const metadata = value['metadata'];
  const annotations = isObject(metadata) ? metadata['annotations'] : undefined;
  if (!isObject(metadata) || !isObject(annotations) || annotations[lastApplied] === undefined) return value;
  return { ...value, metadata: { ...metadata, annotations: { ...annotations, [lastApplied]: hidden } } };
}

function ofToken(value: unknown): unknown {
  if (!isObject(value)) return undefined;
  const without = (name: string): Fields => {
    const part = value[name];
    return isObject(part) && part['token'] !== undefined ? { [name]: { ...part, token: hidden } } : {};
  };
  return { ...value, ...without('spec'), ...without('status') };
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
