/** One challenge of a WWW-Authenticate field. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

// RFC 9110 §5.6.2 and §5.6.4, without obs-text: nothing of ours needs it.
const token = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const equals = /[ \t]*=[ \t]*/y;
const quotedString = /"((?:[\t !#-[\]-~]|\\[\t -~])*)"/y;

/**
 * Parses a WWW-Authenticate field to the letter of RFC 9110 §11.6.1, for challenges with
 * parameters; throws for anything else, and for a parameter that stands twice.
 */
export function parseChallenges(field: string): readonly Challenge[] {
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(field) ?? undefined;
    if (match) at = pattern.lastIndex;
    return match;
  };
  const need = (pattern: RegExp): RegExpExecArray => {
    const match = take(pattern);
    if (!match) throw new SyntaxError(`no ${pattern} at ${at} of ${JSON.stringify(field)}`);
    return match;
  };

  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  do {
    let [name] = need(token);
    if (!take(equals)) {
      challenges.push({ scheme: name, parameters: new Map() });
      need(/ +/y);
      [name] = need(token);
      need(equals);
    }
    const value = take(quotedString)?.[1]?.replace(/\\(.)/g, '$1') ?? need(token)[0];
    const parameters = challenges.at(-1)?.parameters;
    if (!parameters || parameters.has(name.toLowerCase())) {
      throw new SyntaxError(`${name} has no place, or stands twice: ${JSON.stringify(field)}`);
    }
    parameters.set(name.toLowerCase(), value);
  } while (take(/[ \t]*,[ \t]*/y));
  if (at !== field.length) throw new SyntaxError(`more at ${at} of ${JSON.stringify(field)}`);
  return challenges;
}

// RFC 6750 §3.
const charsets: Readonly<Record<string, RegExp>> = {
  scope: /^[!#-[\]-~]+(?: [!#-[\]-~]+)*$/,
  error: /^[ !#-[\]-~]+$/,
  error_description: /^[ !#-[\]-~]+$/,
};

/** The parameters of a field that has to be one Bearer challenge, checked for RFC 6750 §3. */
export function bearerParameters(field: string | undefined): Readonly<Record<string, string>> {
  const [challenge, ...others] = parseChallenges(field ?? '');
  if (challenge?.scheme !== 'Bearer' || others.length > 0) {
    throw new SyntaxError(`not one Bearer challenge: ${JSON.stringify(field)}`);
  }
  for (const [name, value] of challenge.parameters) {
    if (charsets[name]?.test(value) === false) throw new SyntaxError(`${name} is ${value}`);
  }
  return Object.fromEntries(challenge.parameters);
}
