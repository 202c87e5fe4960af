import { RE2JS } from 're2js';

/** Patterns come from users: they run in time that grows with the text alone, and the last used are kept compiled. */

const mostKept = 1000;
const compiled = new Map<string, RE2JS | undefined>();

/** Does `pattern` occur in `text`? A pattern that is none matches nothing: definitions that have one are refused. */
export function matchesPattern(text: string, pattern: string): boolean {
  return patternOf(pattern)?.matcher(text).find() === true;
}

/** Undefined: it can be compiled; else why not. */
export function patternProblem(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function patternOf(pattern: string): RE2JS | undefined {
  if (compiled.has(pattern)) return compiled.get(pattern);
  if (compiled.size >= mostKept) compiled.clear();
  const made = patternProblem(pattern) === undefined ? RE2JS.compile(pattern) : undefined;
  compiled.set(pattern, made);
  return made;
}
