/** A machine's architecture as images and nodes name it, from Node's name for it: `amd64` of `x64`. */
export function architectureOf(arch: string): string {
  return arch === 'x64' ? 'amd64' : arch;
}
