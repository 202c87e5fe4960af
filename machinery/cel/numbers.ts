/** A double as Go's `%g` writes it: `1`, `0.1`, `1e+21`, `+Inf`, `NaN`. */
export function showDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  const [mantissa = '', power = '0'] = value.toExponential().split('e');
  if (exponent < -4 || Number(power) >= 21) return `${mantissa}e${power.startsWith('-') ? '-' : '+'}${power.replace(/^[+-]/, '').padStart(2, '0')}`;
  return String(value);
}
