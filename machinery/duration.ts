const second = 1_000_000_000n;
const units: Readonly<Record<string, bigint>> = { ns: 1n, us: 1000n, µs: 1000n, μs: 1000n, ms: 1_000_000n, s: second, m: 60n * second, h: 3600n * second };
const mostNanos = 2n ** 63n - 1n;

/** A duration as Go writes it (`1m30s`, `-1.5h`, `0`) in nanoseconds; undefined when the text is none, or longer than 2^63 ns. */
export function parseDuration(text: string): bigint | undefined {
  const [, sign = '', body = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (body === '0') return 0n;
  if (body.length > 128 || !/^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return undefined;
  let sum = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of body.matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g)) {
    const size = units[unit] ?? 0n;
    sum += BigInt(whole || '0') * size + BigInt(fraction || '0') * size / 10n ** BigInt(fraction.length);
  }
  if (sum > mostNanos) return undefined;
  return sign === '-' ? -sum : sum;
}
