/** What expressions fail with, in the words of Kubernetes' evaluator. */

/** An evaluation failed: `no such key: x`, `division by zero`. `&&`, `||` and the quantifiers may absorb it. */
export class CelError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CelError';
  }
}

/** The cost limit was reached: nothing absorbs it. */
export class CostExceeded extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
    this.name = 'CostExceeded';
  }
}

/** One thing wrong with a source text. `offset` counts code points from its start. */
export interface Issue {
  readonly offset: number;
  readonly message: string;
}

/** Shown of one source; what is wrong beyond is counted. */
const mostIssues = 100;
/** Longer lines are not shown: nobody could find the place in them. */
const longestLine = 1000;

/** Errors as they are shown: position, message, the line, and a caret below the column. */
export function showIssues(source: string, issues: readonly Issue[]): string {
  const lines = source.split('\n');
  const shown = issues.toSorted((a, b) => a.offset - b.offset).slice(0, mostIssues).map((issue) => showIssue(lines, issue));
  const more = issues.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more errors were truncated`] : [])].join('\n');
}

function showIssue(lines: readonly string[], { offset, message }: Issue): string {
  let line = 0;
  let column = offset;
  for (let length = codePoints(lines[line] ?? ''); line < lines.length - 1 && column > length; length = codePoints(lines[line] ?? '')) {
    column -= length + 1;
    line++;
  }
  const text = (lines[line] ?? '').replaceAll('\t', ' ');
  const place = `ERROR: <input>:${line + 1}:${column + 1}: ${message}`;
  return text.length > longestLine ? place : `${place}\n | ${text}\n | ${'.'.repeat(column)}^`;
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
