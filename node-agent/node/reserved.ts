import { parseQuantity, toMillis, toUnits, type Quantity } from '../../machinery/quantity.ts';

/** What of a machine pods are not promised: its system and the node's own programs need it. Source: the kubelet's `--system-reserved`. */
export interface Reserved {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly storageBytes: number;
}

export const nothingReserved: Reserved = { cpuMillis: 0, memoryBytes: 0, storageBytes: 0 };

const amounts: Readonly<Record<string, (amount: Quantity) => Partial<Reserved>>> = {
  cpu: (amount) => ({ cpuMillis: toMillis(amount) }),
  memory: (amount) => ({ memoryBytes: toUnits(amount) }),
  'ephemeral-storage': (amount) => ({ storageBytes: toUnits(amount) }),
};

const example = 'it is a list such as cpu=500m,memory=1Gi';

/** `cpu=500m,memory=1Gi,ephemeral-storage=10Gi`, any of them. Throws with what is wrong. */
export function parseReserved(text: string): Reserved {
  const given = text.split(',').map((part) => {
    const [before = '', ...rest] = part.split('=');
    const [name, value] = [before.trim(), rest.join('=')];
    const amount = parseQuantity(value);
    const read = Object.hasOwn(amounts, name) ? amounts[name] : undefined;
    if (read === undefined) throw new Error(`"${name}" is not one of ${Object.keys(amounts).join(', ')}: ${example}`);
    if (amount === undefined || toMillis(amount) < 0) throw new Error(`"${value}" is no amount of ${name}: ${example}`);
    return read(amount);
  });
  return Object.assign({ ...nothingReserved }, ...given) as Reserved;
}
