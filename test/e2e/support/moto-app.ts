/** The CDK app for moto, which can't update a stack that looks for its bootstrap: deployed with the caller's own credentials. */
/* oxlint-disable no-new -- a construct adds itself to its scope. */
import { CliCredentialsStackSynthesizer, type IReusableStackSynthesizer } from 'aws-cdk-lib'
import { stackConfig } from '#infra/stack-config.ts'
import { thawApp } from '#infra/thaw-app.ts'
import { ThawStack } from '#infra/thaw-stack.ts'

const app = thawApp({
  // Its type says less of undefined than ours do.
  defaultStackSynthesizer:
    new CliCredentialsStackSynthesizer() as unknown as IReusableStackSynthesizer,
})
const config = stackConfig(app.node.getAllContext() as Record<string, unknown>)
new ThawStack(app, config.stackName, { config })
app.synth()
