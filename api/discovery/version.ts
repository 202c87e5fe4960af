/** Which Kubernetes this is compatible with, as `/version` tells. Source: version.Info. */
const kubernetesVersion = { major: '1', minor: '36', patch: '0' } as const;

export interface Build {
  /** Of Coracle itself. */
  readonly version: string;
  readonly nodeVersion: string;
  /** `linux/amd64`. */
  readonly platform: string;
}

export function versionInfo({ version, nodeVersion, platform }: Build): object {
  const { major, minor, patch } = kubernetesVersion;
  return {
    major, minor, emulationMajor: major, emulationMinor: minor, minCompatibilityMajor: major, minCompatibilityMinor: String(Number(minor) - 1),
    gitVersion: `v${major}.${minor}.${patch}+coracle-${version}`, gitCommit: '', gitTreeState: 'clean', buildDate: '1970-01-01T00:00:00Z',
    goVersion: `node-${nodeVersion}`, compiler: 'node', platform,
  };
}
