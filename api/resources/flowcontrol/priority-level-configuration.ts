import { forbidden, invalid, notSupported, Path, required, type FieldError } from '../../../machinery/field-path.ts';
import { PriorityLevelConfiguration } from '../../../machinery/kinds/flow-control.ts';
import { inRange } from '../../../machinery/names.ts';
import { faults } from '../checks.ts';
import { none, text } from '../columns.ts';
import { age, defineResource, name, type Column } from '../define.ts';
import { same } from '../immutable.ts';
import { mandatory, priorityLevels } from './defaults.ts';
import { validateStatus } from './flow-schema.ts';

type Spec = NonNullable<PriorityLevelConfiguration['spec']>;
type Limited = NonNullable<Spec['limited']>;
type Response = NonNullable<Limited['limitResponse']>;
type Queuing = NonNullable<Response['queuing']>;

const mostQueues = 10_000_000;
/** A flow's hand of queues is drawn with a hash of so many bits. */
const hashBits = 60;

/** How much of the server a sort of requests may take. Source: "API priority and fairness". */
export const priorityLevelConfiguration = defineResource(PriorityLevelConfiguration, {
  statusKeepsMetadata: true,
  generation: true,
  status: true,
  columns: [
    name(),
    text('Type', 'Is it limited?', (object) => object.spec?.type ?? ''),
    number('NominalConcurrencyShares', 'Its share of the concurrency.', (object) => object.spec?.limited?.nominalConcurrencyShares),
    number('Queues', 'How many queues it has.', (object) => object.spec?.limited?.limitResponse?.queuing?.queues),
    number('HandSize', 'How many queues a flow may wait in.', (object) => object.spec?.limited?.limitResponse?.queuing?.handSize),
    number('QueueLengthLimit', 'How many requests wait in a queue at most.', (object) => object.spec?.limited?.limitResponse?.queuing?.queueLengthLimit),
    age(),
  ],
  defaults(draft) {
    const { limited, exempt } = draft.spec ?? {};
    if (limited !== undefined) {
      limited.nominalConcurrencyShares ??= 30;
      limited.lendablePercent ??= 0;
      const queuing = limited.limitResponse?.queuing;
      if (queuing !== undefined) {
        queuing.handSize ||= 8;
        queuing.queues ||= 64;
        queuing.queueLengthLimit ||= 50;
      }
    }
    if (exempt !== undefined) {
      exempt.nominalConcurrencyShares ??= 0;
      exempt.lendablePercent ??= 0;
    }
  },
  prepareForCreate(draft) {
    draft.status = {};
  },
  validate(object) {
    const path = new Path('spec');
    const own = object.metadata?.name ?? '';
    return [...validateSpec(own, object.spec, path), ...validateFixed(own, object.spec, path)];
  },
  validateStatusUpdate: ({ status }) => validateStatus(status?.conditions, new Path('status.conditions')),
});

/** Numbers where there are some, as Kubernetes' table has them. */
function number(title: string, description: string, cell: (object: PriorityLevelConfiguration) => number | undefined): Column<PriorityLevelConfiguration> {
  return { name: title, type: 'string', description, cell: (object) => cell(object) ?? none };
}

function validateFixed(own: string, spec: Spec | undefined, path: Path): FieldError[] {
  const fixed = mandatory.includes(own) ? priorityLevels.find((level) => level.name === own)?.spec : undefined;
  if (fixed === undefined) return [];
  if (own !== 'exempt') return same(fixed, spec) ? [] : [invalid(path, spec, `spec of '${own}' must equal the fixed value`)];
  return same({ ...fixed, exempt: undefined }, { ...spec, exempt: undefined }) ? [] : [invalid(path, spec, `spec of '${own}' except the 'spec.exempt' field must equal the fixed value`)];
}

function validateSpec(own: string, spec: Spec | undefined, path: Path): FieldError[] {
  const { type = '', limited, exempt } = spec ?? {};
  const errors = (own === 'exempt') === (type === 'Exempt') ? [] : [invalid(path.child('type'), type, "type must be 'Exempt' if and only if name is 'exempt'")];
  switch (type) {
    case 'Exempt':
      if (limited !== undefined) errors.push(forbidden(path.child('limited'), 'must be nil if the type is not Limited'));
      return [...errors, ...validateShares(exempt ?? {}, path.child('exempt'))];
    case 'Limited':
      if (exempt !== undefined) errors.push(forbidden(path.child('exempt'), 'must be nil if the type is Limited'));
      return [...errors, ...(limited === undefined ? [required(path.child('limited'), 'must not be empty when type is Limited')] : validateLimited(limited, path.child('limited')))];
    default: return [...errors, notSupported(path.child('type'), type, ['Exempt', 'Limited'])];
  }
}

function validateShares({ nominalConcurrencyShares: shares = 0, lendablePercent = 0 }: Pick<Limited, 'nominalConcurrencyShares' | 'lendablePercent'>, path: Path): FieldError[] {
  return [
    ...(shares < 0 ? [invalid(path.child('nominalConcurrencyShares'), shares, 'must be a non-negative integer')] : []),
    ...faults(path.child('lendablePercent'), lendablePercent, inRange(lendablePercent, 0, 100)),
  ];
}

function validateLimited(limited: Limited, path: Path): FieldError[] {
  const { limitResponse, borrowingLimitPercent: borrowed = 0 } = limited;
  return [
    ...validateShares(limited, path),
    ...validateResponse(limitResponse ?? { type: '' }, path.child('limitResponse')),
    ...(borrowed < 0 ? [invalid(path.child('borrowingLimitPercent'), borrowed, 'if specified, must be a non-negative integer')] : []),
  ];
}

function validateResponse({ type = '', queuing }: Response, path: Path): FieldError[] {
  const at = path.child('queuing');
  switch (type) {
    case 'Reject': return queuing === undefined ? [] : [forbidden(at, 'must be nil if limited.limitResponse.type is not Limited')];
    case 'Queue': return queuing === undefined ? [required(at, 'must not be empty if limited.limitResponse.type is Limited')] : validateQueuing(queuing, at);
    default: return [notSupported(path.child('type'), type, ['Queue', 'Reject'])];
  }
}

function validateQueuing({ queueLengthLimit = 0, queues = 0, handSize = 0 }: Queuing, path: Path): FieldError[] {
  const errors = queueLengthLimit <= 0 ? [invalid(path.child('queueLengthLimit'), queueLengthLimit, 'must be positive')] : [];
  if (queues <= 0) errors.push(invalid(path.child('queues'), queues, 'must be positive'));
  else if (queues > mostQueues) errors.push(invalid(path.child('queues'), queues, `must not be greater than ${mostQueues}`));
  const hand = path.child('handSize');
  if (handSize <= 0) errors.push(invalid(hand, handSize, 'must be positive'));
  else if (handSize > queues) errors.push(invalid(hand, handSize, `should not be greater than queues (${queues})`));
  else if (entropyBits(queues, handSize) > hashBits) {
    errors.push(invalid(hand, handSize, `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${hashBits}`));
  }
  return errors;
}

/** Bits that it takes to draw a hand of a deck. */
function entropyBits(deck: number, hand: number): number {
  let bits = 0;
  for (let card = 0; card < hand && bits <= hashBits; card++) bits += Math.log2(deck - card);
  return Math.ceil(bits);
}
