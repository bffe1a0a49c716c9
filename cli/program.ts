/** All commands of `thaw`. */
import { Command } from 'commander'
import { agentCommand } from '#agent/command.ts'
import { VERSION } from '#agent/version.ts'
import { bucketCommand } from './bucket/bucket-command.ts'
import type { CliContext } from './context.ts'
import { doctorCommand } from './doctor/doctor-command.ts'
import { costCommand } from './cost/cost-command.ts'
import { localCommand } from './local.ts'
import { queryCommand } from './query.ts'
import { rulesCommand } from './rules/rules-command.ts'
import { ruleCommand } from './rule/rule-command.ts'
import { serveCommand } from './serve.ts'
import { storeCommand } from './store.ts'
import { tokenCommand } from './token/token-command.ts'
import { versionCommand } from './version.ts'

export function thawProgram(context: CliContext): Command {
  const program = new Command('thaw')
    .description('Prometheus metrics kept for ever in a bucket, queried with no server running.')
    .version(VERSION)
    .option('--debug', 'show stack traces of errors')
    .addHelpText('after', HELP)
    .configureOutput({ writeOut: context.write, writeErr: context.writeError })
  program
    .addCommand(localCommand(context))
    .addCommand(agentCommand(context))
    .addCommand(queryCommand(context))
    .addCommand(serveCommand(context))
    .addCommand(storeCommand(context))
    .addCommand(ruleCommand(context))
    .addCommand(bucketCommand(context))
    .addCommand(rulesCommand(context))
    .addCommand(tokenCommand(context))
    .addCommand(doctorCommand(context))
    .addCommand(costCommand(context))
    .addCommand(versionCommand(context))
  for (const command of program.commands) shareOutput(program, command)
  return program
}

function shareOutput(from: Command, to: Command): void {
  to.copyInheritedSettings(from)
  for (const child of to.commands) shareOutput(to, child)
}

const HELP = `
First steps:
  $ thaw local                                              all of thaw on this machine, with sample data
  $ thaw query 'sum by (job) (up)'                          ask it
  $ thaw agent --tsdb.path=./data --objstore.config-file=bucket.yml
                                                            ship the blocks of a Prometheus
  $ thaw serve --objstore.config-file=bucket.yml --endpoint=sidecar:10901
                                                            the HTTP API over a bucket and StoreAPIs
  $ thaw store --objstore.config-file=bucket.yml            a bucket as a StoreAPI, for Thanos Query
  $ thaw bucket inspect --objstore.config-file=bucket.yml   see what is in the bucket
  $ thaw rules push rules/ --objstore.config-file=bucket.yml
                                                            rules and alerts, evaluated with nothing running
  $ thaw rule --objstore.config-file=bucket.yml             or evaluated by this process
  $ thaw token create grafana --objstore.config-file=bucket.yml
                                                            let somebody ask the deployed HTTP API
  $ thaw doctor --objstore.config-file=bucket.yml           what is wrong, and what to do
  $ thaw cost --agents=4 --series=1000000                   what it would cost in a month

\`thaw <command> --help\` tells more, with examples.
`
