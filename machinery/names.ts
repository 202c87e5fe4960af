/**
 * How names may be spelled. Each function returns what is wrong with a text, one message a fault; none when it is fine.
 * Wording and patterns: "Object names and IDs", "Labels and selectors: syntax"; RFC 1123, RFC 1035; apimachinery's validation messages.
 */

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;
const label1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const qualified = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const value = `(${qualified})?`;
const key = '[-._a-zA-Z0-9]+';
const header = '[-A-Za-z0-9]+';
const percentage = '[0-9]+%';
const wildcard = `\\*\\.${subdomain}`;
const urlPath = String.raw`[A-Za-z0-9/\-._~%!$&'()*+,;=:]+`;

const whole = (pattern: string): RegExp => new RegExp(`^${pattern}$`);
const isLabel = whole(label);
const isSubdomain = whole(subdomain);
const isLabel1035 = whole(label1035);
const isQualified = whole(qualified);
const isValue = whole(value);
const isKey = whole(key);
const isHeader = whole(header);
const isPercentage = whole(percentage);
const isWildcard = whole(wildcard);
const isUrlPath = whole(urlPath);

/** Longest subdomain, in bytes. */
const maxSubdomain = 253;
/** Longest label, in bytes. */
const maxLabel = 63;
const maxPortName = 15;

function spelled(rule: string, pattern: string, ...examples: readonly string[]): string {
  return `${rule} (e.g. ${examples.map((example) => `'${example}', `).join(' or ')}regex used for validation is '${pattern}')`;
}

function tooLong(text: string, max: number): readonly string[] {
  return Buffer.byteLength(text) > max ? [`must be no more than ${max} bytes`] : [];
}

const labelRule = spelled(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  label, 'my-name', '123-abc',
);

/** A Namespace's, container's or volume's name. */
export function dns1123Label(text: string): readonly string[] {
  if (isLabel.test(text)) return tooLong(text, maxLabel);
  return [...tooLong(text, maxLabel), isSubdomain.test(text) ? 'must not contain dots' : labelRule];
}

/** Most objects' names. */
export function dns1123Subdomain(text: string): readonly string[] {
  if (isSubdomain.test(text)) return tooLong(text, maxSubdomain);
  const rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
  return [...tooLong(text, maxSubdomain), spelled(rule, subdomain, 'example.com')];
}

/** `*.example.com`: a host of an Ingress. */
export function wildcardSubdomain(text: string): readonly string[] {
  if (isWildcard.test(text)) return tooLong(text, maxSubdomain);
  const rule = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
  return [...tooLong(text, maxSubdomain), spelled(rule, wildcard, '*.example.com')];
}

/** What may follow a domain's slash (RFC 3986). */
export function httpPath(text: string): readonly string[] {
  return isUrlPath.test(text) ? [] : [`Invalid path (regex used for validation is '${urlPath}')`];
}

/** A Service's name. */
export function dns1035Label(text: string): readonly string[] {
  if (isLabel1035.test(text)) return tooLong(text, maxLabel);
  const rule = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
  return [...tooLong(text, maxLabel), spelled(rule, label1035, 'my-name', 'abc-123')];
}

const qualifiedRule = spelled(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  qualified, 'MyName', 'my.name', '123-abc',
);

/** A label's key, a resource's name, a taint's key: `name` or `prefix.example.com/name`. */
export function qualifiedName(text: string): readonly string[] {
  const parts = text.split('/');
  if (parts.length > 2) return [`a qualified name ${qualifiedRule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? parts[0] : undefined;
  const messages: string[] = [];
  if (prefix === '') messages.push('prefix part must be non-empty');
  else if (prefix !== undefined) messages.push(...dns1123Subdomain(prefix).map((message) => `prefix part ${message}`));
  if (name === '') return [...messages, 'name part must be non-empty', `name part ${qualifiedRule}`];
  messages.push(...tooLong(name, maxLabel).map((message) => `name part ${message}`));
  if (!isQualified.test(name)) messages.push(`name part ${qualifiedRule}`);
  return messages;
}

export function labelValue(text: string): readonly string[] {
  if (isValue.test(text)) return tooLong(text, maxLabel);
  const rule = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  return [...tooLong(text, maxLabel), spelled(rule, value, 'MyValue', 'my_value', '12345')];
}

/** An environment variable's name: printable ASCII without `=` ("Define environment variables", relaxed since 1.34). */
export function envVarName(text: string): readonly string[] {
  if (text === '') return ['environment variable name must be non-empty'];
  if (/^[ -<>-~]+$/.test(text)) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

/** A key of a ConfigMap or Secret: it becomes a file's name. */
export function configMapKey(text: string): readonly string[] {
  const messages = [...tooLong(text, maxSubdomain)];
  if (!isKey.test(text)) {
    messages.push(spelled("a valid config key must consist of alphanumeric characters, '-', '_' or '.'", key, 'key.name', 'KEY_NAME', 'key-name'));
  }
  if (text === '.') messages.push("must not be '.'");
  else if (text === '..') messages.push("must not be '..'");
  else if (text.startsWith('..')) messages.push("must not start with '..'");
  return messages;
}

/** A container port's or Service's port's name where IANA's rule holds. */
export function portName(text: string): readonly string[] {
  const messages = [...tooLong(text, maxPortName)];
  if (!/^[-a-z0-9]+$/.test(text)) messages.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(text)) messages.push('must contain at least one letter (a-z)');
  if (text.includes('--')) messages.push('must not contain consecutive hyphens');
  if (text.startsWith('-') || text.endsWith('-')) messages.push('must not begin or end with a hyphen');
  return messages;
}

export function httpHeaderName(text: string): readonly string[] {
  return isHeader.test(text) ? [] : [spelled("a valid HTTP header must consist of alphanumeric characters or '-'", header, 'X-Header-Name')];
}

/** `25%`. */
export function percent(text: string): readonly string[] {
  return isPercentage.test(text) ? [] : [spelled("a valid percent string must be a numeric string followed by an ending '%'", percentage, '1%', '93%')];
}

/** A name that is one segment of a URL's path: RBAC's objects. */
export function pathSegment(text: string): readonly string[] {
  if (text === '.' || text === '..') return [`may not be '${text}'`];
  return ['/', '%'].filter((character) => text.includes(character)).map((character) => `may not contain '${character}'`);
}

/** What is wrong with a port's number. */
export function portNumber(port: number): readonly string[] {
  return inRange(port, 1, 65535);
}

export function inRange(number: number, min: number, max: number): readonly string[] {
  return number >= min && number <= max ? [] : [`must be between ${min} and ${max}, inclusive`];
}
