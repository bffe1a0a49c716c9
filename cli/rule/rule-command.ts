/** `thaw rule`: the ruler as a process, in place of the function and its schedule. */
import { Command } from 'commander'
import {
  OBJSTORE_HELP,
  addObjstoreFlags,
  objstoreFlags,
  readObjstoreYaml,
} from '#agent/objstore.ts'
import { RULE_FLAGS, ruleSettings } from '#lib/lambda/rule-flags.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { CliContext } from '../context.ts'
import { addFlags, wordsOfFlags } from '../flag-options.ts'
import { addIdleFlags, givenIdleFlags, type IdleFlags } from '../idle-flags.ts'
import { addLogFlags } from '../log-flags.ts'
import type { RuleProcessFlags } from './run-rule.ts'

/** Of Thanos's ruler: results and state are in the bucket, and queries read it. */
const IDLE: IdleFlags = {
  values: [
    'data-dir',
    'tsdb.block-duration',
    'tsdb.retention',
    'query',
    'query.config',
    'query.config-file',
    'query.sd-files',
    'query.sd-interval',
    'query.sd-dns-interval',
    'query.sd-dns-resolver',
    'query.http-method',
    'query.default-step',
    'grpc-query-endpoint',
    'grpc-address',
    'grpc-grace-period',
    'alertmanagers.sd-dns-interval',
    'hash-func',
    'shipper.meta-file-name',
    'web.route-prefix',
    'web.external-prefix',
    'web.prefix-header',
    'tracing.config',
    'tracing.config-file',
    'request.logging-config',
    'request.logging-config-file',
  ],
  toggles: [
    'tsdb.no-lockfile',
    'tsdb.wal-compression',
    'tsdb.enable-native-histograms',
    'query.only-prometheus-params',
    'query.enable-x-functions',
    'shipper.upload-compacted',
    'shipper.ignore-unequal-block-size',
    'shipper.allow-out-of-order-uploads',
    'web.disable-cors',
  ],
}

export function ruleCommand(context: CliContext): Command {
  const command = new Command('rule')
    .description(
      'Evaluates recording and alerting rules over a bucket, each --eval-interval: what the rule function does in the cloud.',
    )
    .option('--once', 'evaluate what is due, say what was done and end')
    .option(
      '--rule-file <path>',
      'rule files of this machine, patterns or directories, instead of those that were pushed into the bucket; may be repeated',
      (text: string, before: readonly string[]) => [...before, text],
      [] as readonly string[],
    )
    .option(
      '--http-address <address>',
      'the HTTP API, /metrics, /-/healthy, /-/ready, /-/reload',
      '0.0.0.0:10902',
    )
    .option('--debug', 'show stack traces of errors')
  addIdleFlags(addObjstoreFlags(addLogFlags(command)), IDLE)
  return addFlags(command, RULE_FLAGS)
    .addHelpText('after', HELP)
    .action(async (parsed: Record<string, unknown>) => {
      const settings = ruleSettings(wordsOfFlags(parsed, RULE_FLAGS))
      const yaml = await readObjstoreYaml(objstoreFlags(parsed))
      if (yaml === undefined) {
        throw new DomainError('invalid', 'name the bucket with --objstore.config-file')
      }
      const { runRule } = await import('./run-rule.ts')
      const idle = givenIdleFlags(command, IDLE)
      await runRule(context, parsed as unknown as RuleProcessFlags, { settings, yaml, idle })
    })
}

const HELP = `${OBJSTORE_HELP}
A bucket has one state of rules: let either the function or this command work on it, with the same flags. Two at once do no harm.

Examples:
  $ thaw rule --objstore.config-file=bucket.yml --alertmanagers.url=http://alertmanager:9093
  $ thaw rule --objstore.config-file=bucket.yml --rule-file='rules/*.yaml' --label='ruler="eu"'
  $ thaw rule --once --objstore.config-file=bucket.yml

SIGHUP, or POST /-/reload, reads all files again. SIGINT or SIGTERM ends it after the tick that runs; a second one at once.
`
