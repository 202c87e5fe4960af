import { dns1035Label, dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from '../../names.ts';
import { traversal } from '../cost.ts';
import { define, type Overload } from '../functions.ts';
import { parseTimestamp } from '../times.ts';
import { ListValue, OpaqueValue, Optional, type Value } from '../values.ts';

class FormatValue extends OpaqueValue {
  override readonly typeName = 'kubernetes.NamedFormat';
  readonly name: string;
  /** What is wrong with a text, one message a fault. */
  readonly faults: (text: string) => readonly string[];

  constructor(name: string, faults: (text: string) => readonly string[]) {
    super();
    this.name = name;
    this.faults = faults;
  }

  override equals(other: OpaqueValue): boolean {
    return other instanceof FormatValue && other.name === this.name;
  }
}

const matching = (pattern: RegExp, message: string) => (text: string): readonly string[] => (pattern.test(text) ? [] : [message]);
/** The start of a generated name may end where a name may not. */
const prefix = (rule: (text: string) => readonly string[]) => (text: string): readonly string[] => rule(text.length > 1 && text.endsWith('-') ? `${text.slice(0, -2)}a` : text);

const formats = [
  new FormatValue('dns1123Label', dns1123Label),
  new FormatValue('dns1123Subdomain', dns1123Subdomain),
  new FormatValue('dns1035Label', dns1035Label),
  new FormatValue('qualifiedName', qualifiedName),
  new FormatValue('dns1123LabelPrefix', prefix(dns1123Label)),
  new FormatValue('dns1123SubdomainPrefix', prefix(dns1123Subdomain)),
  new FormatValue('dns1035LabelPrefix', prefix(dns1035Label)),
  new FormatValue('labelValue', labelValue),
  new FormatValue('uri', matching(/^(?:[A-Za-z][A-Za-z0-9+.-]*:\S*|\/\S*)$/, 'invalid URI for request')),
  new FormatValue('uuid', matching(/^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i, 'does not match the UUID format')),
  new FormatValue('byte', matching(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'invalid base64')),
  new FormatValue('date', (text) => (text.length === 10 && parseTimestamp(text) !== undefined ? [] : ['invalid date'])),
  new FormatValue('datetime', (text) => (text.length > 10 && parseTimestamp(text) !== undefined ? [] : ['invalid datetime'])),
];

/** Kubernetes' named formats: `format.dns1123Label().validate(name)`. */
export const namedFormats: readonly Overload[] = [
  define('format.named(string): optional<format>', (name: string): Value => {
    const found = formats.find((one) => one.name === name);
    return found === undefined ? Optional.none : new Optional(found);
  }),
  ...formats.map((one) => define(`format.${one.name}(): format`, () => one)),
  define('format::validate(string): optional<list<string>>', (format: FormatValue, text: string) => {
    const faults = format.faults(text);
    return faults.length === 0 ? Optional.none : new Optional(ListValue.of(faults));
  }, { cost: traversal(1) }),
];
