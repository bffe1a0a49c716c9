/** What the functions would say of their flags at the first request, for who deploys them: an unknown flag, a wrong value, YAML that can't be read. */
import { parseAlertingConfig } from '#lib/alertmanager/alerting-config.ts'
import { DomainError } from '#lib/model/errors.ts'
import { parseRelabelConfigs } from '#lib/relabel/relabel-config.ts'
import { parseRemoteWriteConfig } from '#lib/remote-write/remote-write-config.ts'
import { compactSettings } from './compact-flags.ts'
import { wordsOf } from './parse-flags.ts'
import { querySettings } from './query-flags.ts'
import { ruleSettings } from './rule-flags.ts'

export interface DeployedFlags {
  readonly queryFlags: string
  readonly compactFlags: string
  readonly ruleFlags: string
}

/** Stand for secrets, of which nobody knows yet whether they are hosts, URLs or passwords. */
const PLACEHOLDERS = ['https://secret.example', 'secret.example:443']

/** Which line, and what is wrong with it. `variables` are those that `$(NAME)` may name in the YAML of the ruler. */
export function flagProblems(
  flags: DeployedFlags,
  variables: readonly string[],
): (readonly [keyof DeployedFlags, string])[] {
  const problems: (readonly [keyof DeployedFlags, string])[] = []
  const check = (line: keyof DeployedFlags, read: (words: readonly string[]) => void): void => {
    try {
      const words = wordsOf(flags[line])
      read(words)
      refuseFiles(words)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      problems.push([line, error.message])
    }
  }
  check('queryFlags', querySettings)
  check('compactFlags', compactSettings)
  check('ruleFlags', (words) => {
    const { alertmanagers, alertRelabel, remoteWrite } = ruleSettings(words)
    parseRelabelConfigs(alertRelabel.yaml, '--alert.relabel-config')
    withSome(variables, (env) => parseAlertingConfig(alertmanagers.yaml, env))
    withSome(variables, (env) => parseRemoteWriteConfig(remoteWrite.yaml, env))
  })
  return problems
}

/** A deployed function has its bundle and no other file. */
function refuseFiles(words: readonly string[]): void {
  const flag = words.find((word) =>
    /^--(?:[\w.-]+-file|grpc-client-tls-(?:ca|cert|key))(?:=|$)/.test(word),
  )
  if (flag === undefined) return
  const name = flag.split('=', 1)[0]!
  throw new DomainError('invalid', `${name} names a file, and a deployed function has none`)
}

/** Throws only where none of the placeholders will do. */
function withSome(
  variables: readonly string[],
  read: (env: Readonly<Record<string, string>>) => void,
): void {
  let failure: unknown
  for (const placeholder of PLACEHOLDERS) {
    try {
      return read(Object.fromEntries(variables.map((name) => [name, placeholder])))
    } catch (error) {
      failure = error
    }
  }
  throw failure
}
