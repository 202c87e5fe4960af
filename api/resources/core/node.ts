import { Path, duplicate, invalid, type FieldError } from '../../../machinery/field-path.ts';
import { Node, type Taint } from '../../../machinery/kinds/core.ts';
import { labelValue, qualifiedName } from '../../../machinery/names.ts';
import { chosen, faults } from '../checks.ts';
import { none, text, unknown } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { proxied } from '../proxied.ts';
import { taintEffects } from './pod/scheduling.ts';

const roleLabel = 'kubernetes.io/role';
const rolePrefix = 'node-role.kubernetes.io/';

function status(node: Node): string {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  const state = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return node.spec?.unschedulable === true ? `${state},SchedulingDisabled` : state;
}

function roles(node: Node): string {
  const found = Object.entries(node.metadata?.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(rolePrefix) && key.length > rolePrefix.length) return [key.slice(rolePrefix.length)];
    return key === roleLabel && value !== '' ? [value] : [];
  });
  return found.length === 0 ? none : [...new Set(found)].toSorted().join(',');
}

const address = (type: string) => (node: Node): string => node.status?.addresses?.find((one) => one.type === type)?.address ?? none;

/** Source: "Nodes"; a node registers itself with its status, so that creation keeps it. */
export const node = defineResource(Node, {
  shortNames: ['no'],
  status: true,
  subresources: [proxied('NodeProxyOptions')],
  fields: { 'spec.unschedulable': (object) => String(object.spec?.unschedulable ?? false) },
  columns: [
    name(),
    text('Status', 'Is the node ready, and may pods be scheduled to it?', status),
    text('Roles', "Roles that the node's labels give it.", roles),
    age(),
    text('Version', "The node agent's version.", (object) => object.status?.nodeInfo?.kubeletVersion ?? ''),
    text('Internal-IP', 'Address inside the cluster.', address('InternalIP'), 1),
    text('External-IP', 'Address outside the cluster.', address('ExternalIP'), 1),
    text('OS-Image', 'The operating system.', (object) => object.status?.nodeInfo?.osImage ?? unknown, 1),
    text('Kernel-Version', 'The kernel.', (object) => object.status?.nodeInfo?.kernelVersion ?? unknown, 1),
    text('Container-Runtime', 'What runs the containers.', (object) => object.status?.nodeInfo?.containerRuntimeVersion ?? unknown, 1),
  ],
  defaults(draft) {
    if (draft.status === undefined) return;
    const { capacity } = draft.status;
    if (draft.status.allocatable === undefined && capacity !== undefined) draft.status.allocatable = { ...capacity };
  },
  validate(object) {
    const path = new Path('spec');
    return [...validateTaints(object.spec?.taints ?? [], path.child('taints')), ...validatePodCidrs(object.spec?.podCIDRs ?? [], path.child('podCIDRs'))];
  },
  validateUpdate(object, old) {
    const errors: FieldError[] = [];
    const { providerID = '' } = old.spec ?? {};
    if (providerID !== '' && providerID !== (object.spec?.providerID ?? '')) {
      errors.push({ type: 'FieldValueForbidden', path: new Path('spec.providerID'), body: 'Forbidden: node updates may not change providerID except from "" to valid' });
    }
    const before = old.spec?.podCIDRs ?? [];
    if (before.length > 0 && before.join(',') !== (object.spec?.podCIDRs ?? []).join(',')) {
      errors.push({ type: 'FieldValueForbidden', path: new Path('spec.podCIDRs'), body: 'Forbidden: node updates may not change podCIDR except from "" to valid' });
    }
    return errors;
  },
});

/** Source: "Taints and tolerations". */
function validateTaints(taints: readonly Taint[], path: Path): FieldError[] {
  const seen = new Set<string>();
  return taints.flatMap((taint, index) => {
    const at = path.index(index);
    const { key = '', value = '', effect = '' } = taint;
    const errors = [...faults(at.child('key'), key, qualifiedName(key)), ...faults(at.child('value'), value, labelValue(value)), ...chosen(at.child('effect'), effect, taintEffects)];
    const identity = `${effect} ${key}`;
    if (seen.has(identity)) errors.push({ ...duplicate(at, taint), body: `${duplicate(at, taint).body}: taints must be unique by key and effect pair` });
    seen.add(identity);
    return errors;
  });
}

function validatePodCidrs(cidrs: readonly string[], path: Path): FieldError[] {
  return cidrs.flatMap((cidr, index) => {
    const [base = '', bits = ''] = cidr.split('/');
    const valid = URL.canParse(`http://${base.includes(':') ? `[${base}]` : base}/`) && /^\d{1,3}$/.test(bits) && Number(bits) <= (base.includes(':') ? 128 : 32);
    return valid ? [] : [invalid(path.index(index), cidr, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];
  });
}
