import { Path, forbidden, invalid, type FieldError } from '../../../machinery/field-path.ts';
import { Lease } from '../../../machinery/kinds/cluster.ts';
import { text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';

/** Source: "Leases". */
export const lease = defineResource(Lease, {
  updatesNameVersion: true,
  columns: [name(), text('Holder', 'Who holds it.', (object) => object.spec?.holderIdentity ?? ''), age()],
  validate(object) {
    const { leaseDurationSeconds, leaseTransitions, strategy, preferredHolder } = object.spec ?? {};
    const path = new Path('spec');
    const errors: FieldError[] = [];
    if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0) errors.push(invalid(path.child('leaseDurationSeconds'), leaseDurationSeconds, 'must be greater than 0'));
    if (leaseTransitions !== undefined && leaseTransitions < 0) errors.push(invalid(path.child('leaseTransitions'), leaseTransitions, 'must be greater than or equal to 0'));
    if (preferredHolder !== undefined && preferredHolder !== '' && (strategy ?? '') === '') errors.push(forbidden(path.child('preferredHolder'), 'may only be specified if `strategy` is defined'));
    return errors;
  },
});
