/** Which of two versions is the later one, by the rules of who made them. Each answers a negative number, 0 or a positive one. Pure. */

export type Ecosystem = 'deb' | 'apk' | 'npm';

export function compareVersions(ecosystem: Ecosystem, a: string, b: string): number {
  return { deb: compareDebian, apk: compareAlpine, npm: compareSemantic }[ecosystem](a, b);
}

/** `[epoch:]upstream[-revision]`. Source: Debian policy, 5.6.12. */
export function compareDebian(a: string, b: string): number {
  const [left, right] = [debianParts(a), debianParts(b)];
  return left.epoch - right.epoch || compareDebianPart(left.upstream, right.upstream) || compareDebianPart(left.revision, right.revision);
}

function debianParts(version: string): { readonly epoch: number; readonly upstream: string; readonly revision: string } {
  const [, epoch = '0', rest = ''] = /^(?:(\d+):)?(.*)$/s.exec(version.trim()) ?? [];
  const dash = rest.lastIndexOf('-');
  return dash < 0 ? { epoch: Number(epoch), upstream: rest, revision: '' } : { epoch: Number(epoch), upstream: rest.slice(0, dash), revision: rest.slice(dash + 1) };
}

/** Text and numbers by turns: `~` before the end, the end before letters, letters before the rest. */
function compareDebianPart(a: string, b: string): number {
  let [left, right] = [a, b];
  while (left !== '' || right !== '') {
    const [leftText = '', rightText = ''] = [/^\D*/.exec(left)?.[0], /^\D*/.exec(right)?.[0]];
    for (let at = 0; at < Math.max(leftText.length, rightText.length); at += 1) {
      const difference = debianOrder(leftText[at]) - debianOrder(rightText[at]);
      if (difference !== 0) return difference;
    }
    [left, right] = [left.slice(leftText.length), right.slice(rightText.length)];
    const [leftDigits = '', rightDigits = ''] = [/^\d*/.exec(left)?.[0], /^\d*/.exec(right)?.[0]];
    const difference = compareNumbers(leftDigits, rightDigits);
    if (difference !== 0) return difference;
    [left, right] = [left.slice(leftDigits.length), right.slice(rightDigits.length)];
  }
  return 0;
}

function debianOrder(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === '~') return -1;
  return /[a-zA-Z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
}

/** Digits of any length; '' is 0. */
function compareNumbers(a: string, b: string): number {
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  return left.length - right.length || compareTexts(left, right);
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** One part of an Alpine version. A higher `rank` is later where two versions first differ in kind. */
interface AlpinePart {
  readonly rank: number;
  readonly text: string;
}

/** The order is apk's own: after equal beginnings a further number is later than a letter, that than a suffix, that than a revision, that than the end. */
const ranks = { number: 6, letter: 5, suffix: 4, revision: 3, end: 2, preSuffix: 1 } as const;
const preSuffixes = ['alpha', 'beta', 'pre', 'rc'];
const suffixes = ['cvs', 'svn', 'git', 'hg', 'p'];

/** `digits{.digits}{letter}{_suffix{digits}}{-r digits}`. Source: apk-package(5), "package version". */
export function compareAlpine(a: string, b: string): number {
  const [left, right] = [alpineParts(a), alpineParts(b)];
  for (let at = 0; ; at += 1) {
    const [one = end, other = end] = [left[at], right[at]];
    if (one.rank !== other.rank) return one.rank - other.rank;
    if (one.rank === ranks.end) return 0;
    const difference = compareAlpineTexts(one, other, at === 0);
    if (difference !== 0) return difference;
  }
}

const end: AlpinePart = { rank: ranks.end, text: '' };

function alpineParts(version: string): readonly AlpinePart[] {
  const text = version.trim().replace(/~[0-9a-f]+/, '');
  return [...text.matchAll(/-r(\d+)|_([a-z]+)(\d*)|(?:^|\.)(\d+)|([a-z])/g)].flatMap(([, revision, suffix, suffixNumber = '', digits, letter]): AlpinePart[] => {
    if (revision !== undefined) return [{ rank: ranks.revision, text: revision }];
    if (digits !== undefined) return [{ rank: ranks.number, text: digits }];
    if (letter !== undefined) return [{ rank: ranks.letter, text: letter }];
    const isPre = preSuffixes.includes(suffix ?? '');
    const order = String((isPre ? preSuffixes : suffixes).indexOf(suffix ?? ''));
    return [{ rank: isPre ? ranks.preSuffix : ranks.suffix, text: order }, { rank: ranks.number, text: suffixNumber === '' ? '0' : suffixNumber }];
  });
}

/** Numbers after a point that begin with 0 are compared as fractions are: 1.05 comes before 1.5. */
function compareAlpineTexts(a: AlpinePart, b: AlpinePart, isFirst: boolean): number {
  if (a.rank === ranks.letter) return compareTexts(a.text, b.text);
  const isFraction = a.rank === ranks.number && !isFirst && (/^0\d/.test(a.text) || /^0\d/.test(b.text));
  return isFraction ? compareTexts(a.text, b.text) : compareNumbers(a.text, b.text);
}

const semantic = /^[v=\s]*(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?\s*$/;

/** Source: Semantic Versioning 2.0.0, precedence. What is no such version is compared as Debian would. */
export function compareSemantic(a: string, b: string): number {
  const [left, right] = [semantic.exec(a), semantic.exec(b)];
  if (left === null || right === null) return compareDebian(a, b);
  for (const at of [1, 2, 3]) {
    const difference = compareNumbers(left[at] ?? '', right[at] ?? '');
    if (difference !== 0) return difference;
  }
  return comparePreReleases(left[4], right[4]);
}

function comparePreReleases(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  const [left, right] = [a.split('.'), b.split('.')];
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const [one, other] = [left[at], right[at]];
    if (one === undefined || other === undefined) return Number(other === undefined) - Number(one === undefined);
    const [isOneNumber, isOtherNumber] = [/^\d+$/.test(one), /^\d+$/.test(other)];
    const difference = isOneNumber !== isOtherNumber ? Number(isOtherNumber) - Number(isOneNumber) : isOneNumber ? compareNumbers(one, other) : compareTexts(one, other);
    if (difference !== 0) return difference;
  }
  return 0;
}
