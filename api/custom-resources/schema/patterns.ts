import { RE2JS } from 're2js';

/** Patterns come from users: they run in time that grows with the text alone, and the last used are kept compiled. */

const mostKept = 1000;
/** A text: why it can't be compiled. */
const compiled = new Map<string, RE2JS | string>();

/** Does `pattern` occur in `text`? A pattern that is none matches nothing: definitions that have one are refused. */
export function matchesPattern(text: string, pattern: string): boolean {
  const made = patternOf(pattern);
  return typeof made !== 'string' && made.matcher(text).find();
}

/** Undefined: it can be compiled; else why not. */
export function patternProblem(pattern: string): string | undefined {
  const made = patternOf(pattern);
  return typeof made === 'string' ? made : undefined;
}

function patternOf(pattern: string): RE2JS | string {
  const kept = compiled.get(pattern);
  if (kept !== undefined) return kept;
  if (compiled.size >= mostKept) compiled.clear();
  const made = compilePattern(pattern);
  compiled.set(pattern, made);
  return made;
}

function compilePattern(pattern: string): RE2JS | string {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
