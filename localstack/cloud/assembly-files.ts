/** The files of `cdk synth`: the one template, and where the code of its functions lies. */
import { readFileSync } from 'node:fs'
import { join, resolve as resolvePath } from 'node:path'

export interface TemplateResource {
  readonly Type: string
  readonly Properties?: Record<string, unknown>
  readonly DependsOn?: string | readonly string[]
}

export interface Template {
  readonly Resources: Readonly<Record<string, TemplateResource>>
  readonly Parameters?: Record<string, { Default?: string }>
  readonly Outputs?: Record<string, { Value: unknown }>
}

interface Manifest {
  readonly artifacts: Record<string, { type: string; properties?: { templateFile?: string } }>
}

export type Assets = Record<string, { source: { path: string; packaging: string } }>

function readJson(directory: string, file: string): unknown {
  return JSON.parse(readFileSync(join(directory, file), 'utf8'))
}

export function readTemplate(directory: string): Template {
  const { artifacts } = readJson(directory, 'manifest.json') as Manifest
  const files = Object.values(artifacts).flatMap(({ properties }) => properties?.templateFile ?? [])
  if (files.length !== 1) throw new Error(`${files.length} stacks in ${directory}, not one`)
  return readJson(directory, files[0]!) as Template
}

/** Logical ids of the function URLs of a stack. */
export function functionUrlIds(directory: string): string[] {
  return Object.entries(readTemplate(directory).Resources)
    .filter(([, { Type }]) => Type === 'AWS::Lambda::Url')
    .map(([id]) => id)
}

export function readAssets(directory: string): Assets {
  const { artifacts } = readJson(directory, 'manifest.json') as {
    artifacts: Record<string, { type: string; properties?: { file?: string } }>
  }
  return Object.assign(
    {},
    ...Object.values(artifacts)
      .filter(({ type }) => type === 'cdk:asset-manifest')
      .map(
        ({ properties }) =>
          (readJson(directory, properties?.file ?? '') as { files: Assets }).files,
      ),
  ) as Assets
}

export function codeDirectory(directory: string, assets: Assets, key: string): string {
  const asset = assets[key.replace(/\.zip$/, '')]
  if (asset === undefined) throw new Error(`no asset ${key} in ${directory}`)
  return resolvePath(directory, asset.source.path)
}
