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

/** Errors as they are shown: position, message, the line, and a caret below the column. */
export function showIssues(source: string, issues: readonly Issue[]): string {
  const lines = source.split('\n');
  return issues.toSorted((a, b) => a.offset - b.offset).map(({ offset, message }) => {
    let line = 0;
    let column = offset;
    while (line < lines.length - 1 && column > codePoints(lines[line] ?? '')) {
      column -= codePoints(lines[line] ?? '') + 1;
      line++;
    }
    const text = (lines[line] ?? '').replaceAll('\t', ' ');
    return `ERROR: <input>:${line + 1}:${column + 1}: ${message}\n | ${text}\n | ${'.'.repeat(column)}^`;
  }).join('\n');
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
