import { describe, expect, it } from 'vitest';
import { clusterCidr, dataDirectory, host, logLevel, nodeName, port, serverUrl } from './command.ts';
import { percent, podCount, runtimeHandler } from './node-options.ts';
import { processors, throttlingFactor } from './resource-options.ts';

describe('an option of a command', () => {
  it.each([
    ['a port', port, '6443', 6443],
    ['any free port', port, '0', 0],
    ['a number of pods', podCount, '253', 253],
    ['a directory', dataDirectory, './here', './here'],
    ["a machine's name", host, 'one.example', 'one.example'],
    ["a machine's address", host, '192.0.2.1', '192.0.2.1'],
    ["an API server's URL", serverUrl, 'https://192.0.2.1:6443', 'https://192.0.2.1:6443'],
    ['a log level', logLevel, 'warn', 'warn'],
    ['a node name', nodeName, 'node-1.example', 'node-1.example'],
    ['a share', percent, '85', 85],
    ['a factor', throttlingFactor, '0.9', 0.9],
    ['the largest factor', throttlingFactor, '1', 1],
    ['processors', processors, '0-1,3', new Set([0, 1, 3])],
    ["pods' addresses", clusterCidr, '10.42.0.0/16', '10.42.0.0/16'],
    ['a runtime', runtimeHandler, 'runc=/usr/sbin/runc', new Map([['runc', '/usr/sbin/runc']])],
  ] as const)('takes %s', (_name, parse, text, value) => {
    expect(parse(text)).toEqual(value);
  });

  it.each([
    ['a port above the last', port, '65536', 'from 0 (any free one) to 65535'],
    ['a port that is no number', port, '', 'from 0 (any free one) to 65535'],
    ['no pods', podCount, '0', '1 to 253 pods'],
    ['more pods than addresses', podCount, '254', '1 to 253 pods'],
    ['a directory without a name', dataDirectory, '', 'names no directory'],
    ['no address', host, '', 'an address or a name'],
    ['a URL for an address', host, 'https://192.0.2.1', 'an address or a name'],
    ['a server without a scheme', serverUrl, '192.0.2.1:6443', 'looks like https://host:6443'],
    ['a server by plain HTTP', serverUrl, 'http://192.0.2.1:6443', 'looks like https://host:6443'],
    ['a log level that is none', logLevel, 'loud', 'one of debug, info, warn, error'],
    ['a node name with capitals', nodeName, 'Node', 'lowercase RFC 1123 subdomain'],
    ['a share above the whole', percent, '101', 'from 0 to 100'],
    ['a factor above one', throttlingFactor, '1.1', 'up to 1'],
    ['no factor', throttlingFactor, '0', 'above 0'],
    ['processors that are none', processors, '1-', '0-1,8'],
    ['a network that is none', clusterCidr, 'foo', 'a /16, such as'],
    ['a wider network', clusterCidr, '10.0.0.0/8', 'a /16, such as'],
    ['a network with an octet too large', clusterCidr, '10.300.0.0/16', 'a /16, such as'],
    ['a runtime without a name', runtimeHandler, '/usr/sbin/runc', 'a name and the absolute path'],
    ['a runtime that is to be looked for', runtimeHandler, 'runc=runc', 'a name and the absolute path'],
    ['a runtime by a name that no class can have', runtimeHandler, 'Run_C=/usr/sbin/runc', "no handler's name"],
    ['another runtime by our own name', runtimeHandler, 'coracle=/usr/sbin/runc', "this node's own runtime"],
    ["the services' network", clusterCidr, '10.43.0.0/16', 'Services have their addresses there'],
  ] as const)('refuses %s', (_name, parse, text, reason) => {
    expect(() => parse(text)).toThrow(reason);
  });

  it('that names runtimes takes each name once', () => {
    const one = runtimeHandler('a=/bin/a');
    expect(runtimeHandler('b=/bin/b', one)).toEqual(new Map([['a', '/bin/a'], ['b', '/bin/b']]));
    expect(() => runtimeHandler('a=/bin/b', one)).toThrow('a is given twice');
  });
});
