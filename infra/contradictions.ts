/** Options that are right one by one and wrong together, and flags that the functions would refuse when it is too late. */
import { flagProblems } from '#lib/lambda/flag-problems.ts'

import { type FlagLines, flagLines, optionFlags } from './stack-flags.ts'
import type { StackOptions } from './stack-options.ts'

/** Keys of YAML whose values are secrets, with a value that is not `$(NAME)`. */
const PLAIN_SECRET =
  /\b(password|credentials|bearer_token|client_secret|secret_key)["']?\s*:\s*["']?(?!\$\()[^\s"',}]/
const PASSWORD_IN_URL = /:\/\/[^\s/@:]+:(?!\$\()[^\s/@]+@/

/** Sentences; none where all is well. */
export function contradictions(options: StackOptions): string[] {
  const problems = [...twice(options), ...half(options), ...secretsInTheClear(options)]
  return problems.length > 0 ? problems : refused(options)
}

/** Two ways of saying one thing. */
function twice(options: StackOptions): string[] {
  const problems: string[] = []
  for (const [line, flags] of Object.entries(optionFlags(options))) {
    for (const [option, text] of Object.entries(flags)) {
      const name = /^--([^\s=]+)/.exec(text)?.[1]
      if (name === undefined) continue
      // Alertmanagers come by URL or by configuration.
      const same =
        name === 'alertmanagers.url' ? /--alertmanagers\.(?:url|config)/ : flagPattern(name)
      const found = same.exec(options[line as keyof FlagLines])?.[0]
      if (found === undefined) continue
      problems.push(`option ${option} and ${found} in ${line} say the same: keep one`)
    }
  }
  return problems
}

function flagPattern(name: string): RegExp {
  return new RegExp(`--(?:no-)?${name.replaceAll('.', '\\.')}(?![\\w.-])`)
}

function half(options: StackOptions): string[] {
  const problems: string[] = []
  if ((options.domainName === '') !== (options.certificateArn === '')) {
    problems.push(
      'options domainName and certificateArn go together: a name needs its certificate, which ACM makes in the region of the stack',
    )
  }
  return problems
}

/** Whoever may look at the stack reads its template. */
function secretsInTheClear({ queryFlags, ruleFlags }: StackOptions): string[] {
  return Object.entries({ queryFlags, ruleFlags }).flatMap(([name, line]) => {
    const what =
      PLAIN_SECRET.exec(line)?.[1] ?? (PASSWORD_IN_URL.test(line) ? 'password' : undefined)
    if (what === undefined) return []
    return [
      `option ${name} has a ${what} that all who may look at the stack can read: put it into Secrets Manager, name it in ruleSecrets, and write $(NAME) in its place`,
    ]
  })
}

function refused(options: StackOptions): string[] {
  return flagProblems(flagLines(options), Object.keys(options.ruleSecrets)).map(
    ([line, text]) => `option ${line}: ${text}`,
  )
}
