/** `thaw doctor`: looks at an installation from outside, says what is wrong and what to do. */
import { Command, CommanderError } from 'commander'
import { addFlags, flagValues } from '#agent/flags/command-flags.ts'
import { choice, duration, list, text, toggle } from '#agent/flags/flag.ts'
import {
  addObjstoreFlags,
  OBJSTORE_HELP,
  objstoreFlags,
  readObjstoreYaml,
} from '#agent/objstore.ts'
import { VERSION } from '#agent/version.ts'
import { summaryOf } from '#lib/doctor/finding.ts'
import { DomainError } from '#lib/model/errors.ts'
import { credentialHeaders } from '../api-credentials.ts'
import { jsonText } from '../bucket/report-flags.ts'
import type { CliContext } from '../context.ts'
import { checkup, type Named } from './checkup.ts'
import { reportText } from './report-text.ts'

const FLAGS = {
  url: text('', 'the HTTP API: output Url of the stack, or where thaw serve listens', 'url'),
  'token-file': text('', 'file with the token that it wants', 'path'),
  user: text('', 'or basic authentication', 'name:password'),
  'agent.url': list('url', 'an agent, such as http://host:10902; may be repeated'),
  'prometheus.url': list('url', 'a Prometheus, such as http://host:9090; may be repeated'),
  'alertmanager.url': list('url', 'an Alertmanager, such as http://host:9093; may be repeated'),
  watchdog: text(
    'Watchdog',
    'name of the alert that always fires: --rule.watchdog of the ruler',
    'name',
  ),
  stack: text(
    '',
    'name of the stack on AWS: its functions, queue and quotas are looked at',
    'name',
  ),
  'read-only': toggle('write nothing: whether the credentials may is not tried'),
  'answer-timeout': duration('10s', 'how long one answer may take'),
  timeout: duration('5m', 'how long all of it may take'),
  output: { ...choice(['text', 'json'], 'text', 'form of the report: text or json'), short: 'o' },
} as const

/** 0 where nothing is wrong, 1 where something is. */
const WRONG = 1
const USAGE = 2

export function doctorCommand(context: CliContext): Command {
  const command = new Command('doctor').description(
    'Looks at an installation from outside, from agent to alert: what is wrong, and what to do.',
  )
  const complain = command.error.bind(command)
  command.error = (message, options) => complain(message, { ...options, exitCode: USAGE })
  command.optionsGroup('Bucket:')
  addObjstoreFlags(command)
  addFlags(command, 'Options:', FLAGS)
  return command
    .option('--debug', 'show stack traces of errors')
    .addHelpText('after', HELP)
    .action(async () => {
      const parsed = command.opts<Record<string, unknown>>()
      const flags = flagValues(FLAGS, parsed)
      const named = await namedBy(parsed, flags).catch((error: unknown) => {
        if (error instanceof DomainError) return command.error(`thaw: ${error.message}`)
        throw error
      })
      const { env, now, write, colours = false } = context
      const signal = AbortSignal.any([context.signal, AbortSignal.timeout(flags.timeout)])
      const patience = { answerMs: flags['answer-timeout'], signal }
      const findings = await checkup(named, { env, now }, patience)
      const isWell = findings.every(({ level }) => level !== 'wrong')
      write(
        flags.output === 'text'
          ? reportText(findings, colours)
          : jsonText({
              version: VERSION,
              time: new Date(now()).toISOString(),
              well: isWell,
              summary: summaryOf(findings),
              findings,
            }),
      )
      // The report has said it all.
      if (!isWell) throw new CommanderError(WRONG, 'thaw.doctor', '')
    })
}

type Flags = ReturnType<typeof flagValues<typeof FLAGS>>

async function namedBy(parsed: Readonly<Record<string, unknown>>, flags: Flags): Promise<Named> {
  const given = (value: string): string | undefined => (value === '' ? undefined : value)
  const named: Named = {
    yaml: await readObjstoreYaml(objstoreFlags(parsed)),
    url: given(flags.url),
    headers: await credentialHeaders({
      user: given(flags.user),
      tokenFile: given(flags['token-file']),
    }),
    agentUrls: flags['agent.url'],
    prometheusUrls: flags['prometheus.url'],
    alertmanagerUrls: flags['alertmanager.url'],
    watchdog: flags.watchdog,
    stack: given(flags.stack),
    readOnly: flags['read-only'],
  }
  const { yaml, url, stack, agentUrls, prometheusUrls, alertmanagerUrls } = named
  const urls = [url ?? [], agentUrls, prometheusUrls, alertmanagerUrls].flat()
  if (yaml === undefined && stack === undefined && urls.length === 0) {
    throw new DomainError(
      'invalid',
      'nothing is named to look at, give --objstore.config-file=bucket.yml, --url=…, or both (see --help)',
    )
  }
  const wrong = urls.find((one) => !URL.canParse(one) || !/^https?:/.test(one))
  if (wrong !== undefined) {
    throw new DomainError(
      'invalid',
      `"${wrong}" is no URL, write for example http://localhost:9090`,
    )
  }
  return named
}

const HELP = `
The more is named, the more is checked; what was not named is told as not checked. Nothing is changed, but that a small object is put under
thaw/probe/ and deleted again. The exit code is 0 where nothing is wrong (there may be warnings), 1 where something is, and 2 for wrong flags.
With --stack the usual AWS credentials and AWS_REGION are those of this machine.
${OBJSTORE_HELP}
Examples:
  $ thaw doctor --objstore.config-file=bucket.yml
  $ thaw doctor --objstore.config-file=bucket.yml --url=https://metrics.example.com --token-file=ops.token
  $ thaw doctor --objstore.config-file=bucket.yml --agent.url=http://localhost:10902 --prometheus.url=http://localhost:9090
  $ thaw doctor --objstore.config-file=bucket.yml --url=https://metrics.example.com --token-file=ops.token --stack=thaw \\
      --alertmanager.url=https://alertmanager.example.com
  $ thaw doctor --objstore.config-file=bucket.yml -o json | jq -r '.findings[] | select(.level == "wrong").text'
`
