import { parseQuantity, toMillis, toUnits } from '../../machinery/quantity.ts';

/** What of a machine pods are not promised: its system and the node's own programs need it. Source: the kubelet's `--system-reserved`. */
export interface Reserved {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly storageBytes: number;
}

export const nothingReserved: Reserved = { cpuMillis: 0, memoryBytes: 0, storageBytes: 0 };

const amounts: Readonly<Record<string, (amount: NonNullable<ReturnType<typeof parseQuantity>>) => Partial<Reserved>>> = {
  cpu: (amount) => ({ cpuMillis: toMillis(amount) }),
  memory: (amount) => ({ memoryBytes: toUnits(amount) }),
  'ephemeral-storage': (amount) => ({ storageBytes: toUnits(amount) }),
};

/** `cpu=500m,memory=1Gi,ephemeral-storage=10Gi`, any of them. Throws with what is wrong. */
export function parseReserved(text: string): Reserved {
  const given = text.split(',').map((part) => {
    const [name = '', ...rest] = part.split('=');
    const amount = parseQuantity(rest.join('='));
    const read = Object.hasOwn(amounts, name.trim()) ? amounts[name.trim()] : undefined;
    if (read === undefined) throw new Error(`"${name.trim()}" is not one of ${Object.keys(amounts).join(', ')}`);
    if (amount === undefined || toMillis(amount) < 0) throw new Error(`"${rest.join('=')}" is no amount of ${name.trim()}`);
    return read(amount);
  });
  return Object.assign({ ...nothingReserved }, ...given) as Reserved;
}
