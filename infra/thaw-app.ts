/** The app that every synthesis is of: with all feature flags of this version of the CDK, so that a template is the same wherever it is made. */
import { App, type AppProps } from 'aws-cdk-lib'
import { CURRENTLY_RECOMMENDED_FLAGS } from 'aws-cdk-lib/cx-api'

/** Flags of a context are in vain: none of them is for operators to choose. */
export function thawApp(
  props: Pick<
    AppProps,
    'builtinCloudFormationValidation' | 'context' | 'defaultStackSynthesizer' | 'outdir'
  >,
): App {
  return new App({ ...props, postCliContext: { ...CURRENTLY_RECOMMENDED_FLAGS } })
}
