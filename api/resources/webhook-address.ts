import { invalid, required, type FieldError, type Path } from '../../machinery/field-path.ts';
import { dns1123Subdomain, portNumber } from '../../machinery/names.ts';

/** Where a webhook listens, for admission and for conversion. Wording: apiserver's webhook validation. */

const form = '; desired format: https://host[/path]';

export function validateWebhookUrl(url: string, path: Path): FieldError[] {
  // URL would repair what Go's parser takes as it stands.
  const match = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/(?:([^/?#]*)@)?([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/.exec(url);
  const [, scheme = '', user, host = '', , query = '', fragment = ''] = match ?? [];
  return [
    ...(scheme === 'https' ? [] : [invalid(path, scheme, `'https' is the only allowed URL scheme${form}`)]),
    ...(host === '' ? [invalid(path, host, `host must be specified${form}`)] : []),
    ...(user === undefined ? [] : [invalid(path, user, 'user information is not permitted in the URL')]),
    ...(fragment === '' ? [] : [invalid(path, fragment, 'fragments are not permitted in the URL')]),
    ...(query === '' ? [] : [invalid(path, query, 'query parameters are not permitted in the URL')]),
  ];
}

interface ServiceAddress {
  readonly name?: string;
  readonly namespace?: string;
  readonly path?: string;
  readonly port?: number;
}

export function validateWebhookService({ name = '', namespace = '', path: target = '', port = 0 }: ServiceAddress, path: Path): FieldError[] {
  const messages = portNumber(port);
  return [
    ...(name === '' ? [required(path.child('name'))] : []),
    ...(namespace === '' ? [required(path.child('namespace'))] : []),
    ...(messages.length === 0 ? [] : [invalid(path.child('port'), port, `port is not valid: ${messages.join(', ')}`)]),
    ...validateTarget(target, path.child('path')),
  ];
}

/** `/a/b`: each segment a subdomain, one slash at the end is fine. */
function validateTarget(target: string, path: Path): FieldError[] {
  if (target === '' || target === '/') return [];
  if (target === '//') return [invalid(path, target, 'segment[0] may not be empty')];
  const errors = target.startsWith('/') ? [] : [invalid(path, target, "must start with a '/'")];
  const segments = target.slice(1, target.endsWith('/') ? -1 : undefined).split('/');
  return [...errors, ...segments.flatMap((segment, index) => (segment === ''
    ? [invalid(path, target, `segment[${index}] may not be empty`)]
    : dns1123Subdomain(segment).map((message) => invalid(path, target, `segment[${index}]: ${message}`))))];
}
