import { describe, expect, it } from 'vitest';
import { bind, compile } from '../compile.ts';
import { authorizerType, authorizerValue, requestResourceValue, resourceCheckType, type Question } from './authorizers.ts';

function run(source: string): unknown {
  const { program, errors } = compile(source, { variables: {} });
  if (program === undefined) throw new Error(errors);
  const { value, error } = program.evaluate(bind({}, {}));
  if (error !== undefined) throw error;
  return value;
}

const holds = (sources: readonly string[]): void => {
  it.each(sources)('%s', (source) => {
    expect(run(source)).toBe(true);
  });
};

describe('strings', () => {
  holds([
    '"tacocat".charAt(3) == "o"', '"a😀b".charAt(2) == "b"', '"hello mellow".indexOf("ello") == 1', '"hello mellow".indexOf("ello", 2) == 7', '"hello".indexOf("z") == -1', '"hello mellow".lastIndexOf("ello") == 7',
    '"😀x".indexOf("x") == 1', '["hello", "mellow"].join() == "hellomellow"', '["a", "b"].join(" ") == "a b"', '"TacÉ".lowerAscii() == "tacÉ"', '"tacé".upperAscii() == "TACé"', '" \\t trim\\n ".trim() == "trim"',
    '"hello hello".replace("he", "we") == "wello wello"', '"hello hello".replace("he", "we", 1) == "wello hello"', '"ab".replace("", "-") == "-a-b-"', '"a b c".split(" ") == ["a", "b", "c"]', '"a b c".split(" ", 2) == ["a", "b c"]',
    '"ab".split("") == ["a", "b"]', '"a".split("x", 0) == []', '"tacocat".substring(4) == "cat"', '"tacocat".substring(0, 4) == "taco"', 'strings.quote("a\\"\\n") == "\\"a\\\\\\"\\\\n\\""', '"abc".startsWith("ab") && "abc".endsWith("bc") && "abc".contains("b")',
    '"%s is %d, %.2f, %x, %b, %o, %e, 100%%".format([dyn("x"), 7, 1.005, 255, 5, 8, 1500.0]) == "x is 7, 1.00, ff, 101, 10, 1.500000×10⁰³, 100%"', '"%s".format([[1, 2]]) == "[1, 2]"', '"%f %.1f".format([1234567.5, -1000.0]) == "1,234,567.500000 -1,000.0"', '"%e".format([0.00001]) == "1.000000×10⁻⁰⁵"', '"%s".format([{"b": 1, "a": 2}]) == "{a: 2, b: 1}"',
  ]);

  it.each([['"a".charAt(2)', 'index out of range: 2'], ['"abc".substring(2, 1)', 'invalid substring range. start: 2, end: 1'], ['"%d".format(["x"])', 'decimal clause can only be used on integers'], ['"%s".format([])', 'index 0 out of range'], ['"%q".format([1])', 'unrecognized formatting clause "q"']])('%s fails', (source, message) => {
    expect(() => run(source)).toThrow(message);
  });
});

describe('lists and sets', () => {
  holds([
    '[1, 2, 2].isSorted() && ![2, 1].isSorted() && [].isSorted()', '[1, 3].sum() == 4 && [1.5, 1.5].sum() == 3.0 && [duration("1s"), duration("2s")].sum() == duration("3s")', '[1, 3, 2].max() == 3 && [1, 3, 2].min() == 1 && ["b", "a"].min() == "a"',
    '[1, 2, 2, 3].indexOf(2) == 1 && [1, 2, 2, 3].lastIndexOf(2) == 2 && [1].indexOf(5) == -1', 'sets.contains([1, 2, 3], [2, 3]) && !sets.contains([1], [1, 2]) && sets.contains([1], [])', 'sets.equivalent([1, 1, 2], [2, 1])', 'sets.intersects([1, 2], [2, 3]) && !sets.intersects([1], [])',
  ]);

  holds([
    '[1, 2, 3, 4].slice(1, 3) == [2, 3] && [1].slice(1, 1) == []', '[[1, 2], [3]].flatten() == [1, 2, 3] && [[[1]], [[2]]].flatten() == [[1], [2]] && [[[1]], [[2]]].flatten(2) == [1, 2]', '[3, 1, 2].sort() == [1, 2, 3] && ["b", "a"].sort() == ["a", "b"]', '[1, 2, 1, 2].distinct() == [1, 2] && [[1], [1]].distinct() == [[1]]',
    '[1, 2, 3].reverse() == [3, 2, 1]', 'lists.range(3) == [0, 1, 2] && lists.range(0) == []', '[-3, 1, -5, -2, 4].sortBy(e, -(e * e)) == [-5, 4, -3, -2, 1]', '[{"n": "b"}, {"n": "a"}].sortBy(x, x.n)[0].n == "a"', '[1, 2].first().value() == 1 && [1, 2].last().value() == 2 && !lists.range(0).first().hasValue()',
  ]);

  it.each([['[1].slice(0, 2)', 'cannot slice(0, 2), list is length 1'], ['[1].slice(1, 0)', 'start index must be less than or equal to end index'], ['[1].slice(-1, 0)', 'negative indexes not supported'], ['[[1]].flatten(-1)', 'level must be non-negative']])('%s fails', (source, message) => {
    expect(() => run(source)).toThrow(message);
  });

  it('fails where a list is empty', () => {
    expect(() => run('[].max() == 1')).toThrow('max called on empty list');
  });
});

describe('regular expressions are RE2', () => {
  holds(['"abc 123".find("[0-9]+") == "123"', '"abc".find("[0-9]+") == ""', '"123 abc 456".findAll("[0-9]+") == ["123", "456"]', '"1 2 3".findAll("[0-9]", 2) == ["1", "2"]', '"abc".matches("^a.c$") && "xabcx".matches("abc")']);

  it('and look-around is no part of them', () => {
    expect(compile('"a".matches("(?=a)")', { variables: {} }).errors).toContain('invalid matches argument');
    expect(() => run('"a".matches("(" + "?=a)")')).toThrow('(?=');
  });
});

describe('quantities', () => {
  holds([
    'quantity("1.5Gi").isGreaterThan(quantity("1500Mi"))', 'quantity("50k").isLessThan(quantity("50M"))', 'quantity("200M").compareTo(quantity("0.2G")) == 0', 'quantity("50k") == quantity("50000")', 'isQuantity("1.3Gi") && !isQuantity("1,3Gi") && !isQuantity("")',
    'quantity("50k").asInteger() == 50000', '!quantity("50m").isInteger()', 'quantity("500m").asApproximateFloat() == 0.5', 'quantity("-1").sign() == -1 && quantity("0").sign() == 0', 'quantity("50k").add("20k" == "" ? quantity("0") : quantity("20k")) == quantity("70k")', 'quantity("50k").sub(20000) == quantity("30k")',
  ]);

  it('fail where they are none, or no integers', () => {
    expect(() => run('quantity("abc")')).toThrow('quantities must match the regular expression');
    expect(() => run('quantity("10Mm")')).toThrow("unable to parse quantity's suffix");
    expect(run('quantity("9999999999999999999999999G").isInteger()')).toBe(false);
    expect(() => run('quantity("50m").asInteger()')).toThrow('cannot convert value to integer');
  });
});

describe('addresses', () => {
  holds([
    'ip("127.0.0.1").family() == 4 && ip("::1").family() == 6', 'ip("::1") == ip("0:0:0:0:0:0:0:1")', 'isIP("1.2.3.4") && !isIP("1.2.3") && !isIP("01.2.3.4") && !isIP("::ffff:1.2.3.4") && !isIP("fe80::1%eth0")', 'ip.isCanonical("::1") && !ip.isCanonical("::0001")',
    'ip("127.5.0.1").isLoopback() && ip("::").isUnspecified() && ip("169.254.1.1").isLinkLocalUnicast() && ip("ff02::1").isLinkLocalMulticast()', 'ip("8.8.8.8").isGlobalUnicast() && !ip("224.0.0.1").isGlobalUnicast()', 'string(ip("2001:DB8:0:0:1::1")) == "2001:db8::1:0:0:1"',
    'cidr("192.168.0.0/24").containsIP("192.168.0.5") && !cidr("192.168.0.0/24").containsIP(ip("192.168.1.5"))', 'cidr("10.0.0.0/8").containsCIDR("10.1.0.0/16") && !cidr("10.1.0.0/16").containsCIDR(cidr("10.0.0.0/8"))', 'cidr("10.1.2.3/8").masked() == cidr("10.0.0.0/8") && cidr("::/0").prefixLength() == 0',
    'type(ip("::1")) == net.IP && type(cidr("::/0")) == net.CIDR && type(quantity("1")) == kubernetes.Quantity',
    'isCIDR("10.0.0.0/8") && !isCIDR("10.0.0.0/33") && !isCIDR("10.0.0.0")', 'string(cidr("10.0.0.0/8").ip()) == "10.0.0.0"',
  ]);
});

describe('what is no address', () => {
  it.each([
    ['ip("1.2.3.4.5")', 'IP Address "1.2.3.4.5" parse error during conversion from string: ParseAddr("1.2.3.4.5"): IPv4 address too long'], ['ip("1.2.3.256")', 'IPv4 field has value >255'], ['ip("01.2.3.4")', 'IPv4 field has octet with leading zero'],
    ['ip("::ffff:1.2.3.4")', 'IPv4-mapped IPv6 address is not allowed'], ['ip("fe80::1%eth0")', 'IP address with zone value is not allowed'], ['ip("x")', 'unable to parse IP'], ['ip(":::")', 'each colon-separated field must have at least one digit'],
    ['cidr("10.0.0.0/")', 'netip.ParsePrefix("10.0.0.0/"): bad bits after slash: ""'], ['cidr("10.0.0.0/33")', 'prefix length out of range'], ['cidr("10.0.0.0")', "no '/'"],
  ])('%s says why', (source, message) => {
    expect(() => run(source)).toThrow(message);
  });
});

describe('URLs', () => {
  holds([
    'url("https://user@example.com:80/a%20b?x=1&x=2&y=").getHost() == "example.com:80"', 'url("https://[::1]:8080/").getHostname() == "::1" && url("https://[::1]:8080/").getPort() == "8080"', 'url("/path").getScheme() == ""', 'url("https://e.com/a b".replace(" ", "%20")).getEscapedPath() == "/a%20b"',
    'url("https://e.com/?k=a&k=b").getQuery() == {"k": ["a", "b"]}', 'isURL("https://e.com") && !isURL("e.com/x") && !isURL("../x") && !isURL("https://a b")', 'url("https://e.com") == url("https://e.com")',
  ]);
});

describe('versions', () => {
  holds([
    'semver("1.2.3").major() == 1 && semver("1.2.3").minor() == 2 && semver("1.2.3").patch() == 3', 'semver("1.2.3-rc.2").isLessThan(semver("1.2.3-rc.10")) && semver("1.2.3").isGreaterThan(semver("1.2.3-rc.1"))', 'semver("1.0.0+a") == semver("1.0.0+b")',
    'isSemver("1.2.3-alpha+x") && !isSemver("v1.2.3") && !isSemver("1.2") && isSemver("v01.2", true)', 'semver("v1.0", true).compareTo(semver("1.0.0")) == 0',
  ]);
});

describe('named formats', () => {
  holds([
    '!format.dns1123Label().validate("my-name").hasValue()', 'format.dns1123Label().validate("My.name").value().size() > 0', 'format.named("uuid").value().validate("x").hasValue()', '!format.named("nothing").hasValue()', 'format.date().validate("2024-02-29") == optional.none()', '!format.dns1123LabelPrefix().validate("my-name-").hasValue()',
  ]);
});

describe('the authorizer', () => {
  const asked: Question[] = [];
  const decide = (question: Question) => {
    asked.push(question);
    return { allowed: question.verb === 'get', reason: 'because' };
  };
  const variables = { authorizer: authorizerType, 'authorizer.requestResource': resourceCheckType };
  const bindings = bind(variables, { authorizer: authorizerValue(decide), 'authorizer.requestResource': requestResourceValue(decide, { group: 'apps', resource: 'deployments', namespace: 'a', name: 'd' }) });

  it.each<[string, Question]>([
    ['authorizer.path("/healthz").check("get").allowed()', { verb: 'get', path: '/healthz' }],
    ['authorizer.group("").resource("pods").subresource("log").namespace("a").name("p").check("get").reason() == "because"', { verb: 'get', group: '', resource: 'pods', subresource: 'log', namespace: 'a', name: 'p' }],
    ['!authorizer.serviceAccount("a", "b").group("apps").resource("deployments").check("delete").allowed()', { verb: 'delete', group: 'apps', resource: 'deployments', serviceAccount: { namespace: 'a', name: 'b' } }],
    ['authorizer.requestResource.check("get").allowed()', { verb: 'get', group: 'apps', resource: 'deployments', namespace: 'a', name: 'd' }],
  ])('%s', (source, question) => {
    const { program, errors } = compile(source, { variables });
    expect(errors).toBeUndefined();
    expect(program?.evaluate(bindings).value).toBe(true);
    expect(asked.at(-1)).toEqual(question);
  });

  it('may be asked twice in one expression', () => {
    const three = Array.from({ length: 3 }, () => 'authorizer.requestResource.check("get").allowed()').join(' && ');
    expect(compile(three, { variables }).program?.evaluate(bindings).error?.message).toBe('operation cancelled: actual cost limit exceeded');
  });
});
