/** rules and alerts, of whoever evaluates them. */
import { createHash } from 'node:crypto'
import { DomainError } from '#lib/model/errors.ts'
import { quoteGo } from '#lib/model/labels.ts'
import { askRules } from '#lib/storage/ask-sources.ts'
import { compareGroups } from '#lib/storage/merge-rules.ts'
import type { RuleGroup, RuleRequest } from '#lib/storage/rules.ts'
import { dataAnswer, type Answer } from './answer.ts'
import { timeoutMs, type Call } from './call.ts'
import { withDeadline } from '#lib/promql/deadline.ts'
import { parseMatcherSets } from './expression.ts'
import type { Form } from './form.ts'
import { invalidParam, parseBoolean, parseInteger } from './params.ts'
import { readScope } from './scope-params.ts'
import { askSources } from './source-routes.ts'
import { alertDocument, ruleGroupDocument } from './write-rules.ts'
import { documentAnswer } from './write-document.ts'

export async function rules(call: Call): Promise<Answer> {
  const { form, parts } = call
  if (form.flaw !== undefined) {
    throw new DomainError('invalid', `error parsing form values: ${form.flaw}`)
  }
  const matcherSets = parseMatcherSets(form.all('match[]'))
  const request = {
    type: readType(form.fromUrl('type').toLowerCase()),
    matcherSets,
    ruleNames: form.all('rule_name[]'),
    groupNames: form.all('rule_group[]'),
    files: form.all('file[]'),
  }
  const excludeAlerts = readExcludeAlerts(form.fromUrl('exclude_alerts').toLowerCase())
  const paging = readPaging(form)
  const { value: groups, warnings } = await askSources(call, request, askRules)
  const page = await pageOf(call, groups, paging)
  const data = {
    groups: page.groups.map((group) => ruleGroupDocument(group, excludeAlerts)),
    groupNextToken: page.nextToken,
  }
  return documentAnswer(data, warnings, parts.limits.maxAnswerBytes)
}

function readType(type: string): RuleRequest['type'] {
  if (type === '') return 'all'
  if (type === 'alert' || type === 'record') return type
  throw invalidParam('type', `not supported value ${quoteGo(type)}`)
}

function readExcludeAlerts(text: string): boolean {
  if (text === '') return false
  try {
    return parseBoolean(text)
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    throw invalidParam('exclude_alerts', `error converting exclude_alerts: ${error.message}`)
  }
}

interface Paging {
  readonly limit: number
  /** '' for the first page. */
  readonly token: string
}

function readPaging(form: Form): Paging {
  const limit = form.fromUrl('group_limit')
  const token = form.fromUrl('group_next_token')
  if (token !== '' && limit === '') {
    throw invalidParam(
      'group_next_token',
      'group_limit needs to be present in order to paginate over the groups',
    )
  }
  return { limit: limit === '' ? Infinity : readGroupLimit(limit), token }
}

const MAX_GROUP_LIMIT = 2 ** 31

function readGroupLimit(text: string): number {
  let limit: number
  try {
    limit = parseInteger(text, 'strconv.ParseInt')
    if (limit >= MAX_GROUP_LIMIT || limit < -MAX_GROUP_LIMIT) {
      const reason = `strconv.ParseInt: parsing ${quoteGo(text)}: value out of range`
      throw new DomainError('invalid', reason)
    }
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    throw invalidParam('group_limit', `group_limit needs to be a valid number: ${error.message}`)
  }
  if (limit <= 0) throw invalidParam('group_limit', 'group_limit needs to be greater than 0')
  return limit
}

async function pageOf(
  call: Call,
  groups: readonly RuleGroup[],
  { limit, token }: Paging,
): Promise<{ groups: readonly RuleGroup[]; nextToken: string | undefined }> {
  const start = token === '' ? 0 : await startOf(call, groups, token)
  const next = groups[start + limit]
  return { groups: groups.slice(start, start + limit), nextToken: next && tokenOf(next) }
}

/** The group of the token may be one that the filters of this request leave out: the page begins behind it. */
async function startOf(call: Call, groups: readonly RuleGroup[], token: string): Promise<number> {
  const here = groups.findIndex((group) => tokenOf(group) === token)
  if (here >= 0) return here
  const { value: all } = await askSources(call, ALL, askRules)
  const named = all.find((group) => tokenOf(group) === token)
  if (named === undefined) {
    throw invalidParam(
      'group_next_token',
      `invalid group_next_token '${token}'. were rule groups changed?`,
    )
  }
  return groups.filter((group) => compareGroups(group, named) < 0).length
}

/** Names the group that a page begins with. */
function tokenOf({ file, name }: RuleGroup): string {
  return createHash('sha256').update(`${file};${name}`).digest('hex')
}

const ALL: RuleRequest = {
  type: 'all',
  matcherSets: [],
  ruleNames: [],
  groupNames: [],
  files: [],
}

export async function alerts(call: Call): Promise<Answer> {
  const { value: groups, warnings } = await askSources(
    call,
    { ...ALL, type: 'alert' as const },
    askRules,
  )
  const found = groups
    .flatMap((group) => group.rules)
    .flatMap((rule) => (rule.type === 'alerting' ? rule.alerts : []))
  const data = { alerts: found.map(alertDocument) }
  return documentAnswer(data, warnings, call.parts.limits.maxAnswerBytes)
}

/** Tenants are not told where the alerts of all go. */
export async function alertmanagers(call: Call): Promise<Answer> {
  const { client, parts } = call
  const isOfTenant = (readScope(call, 0).enforced ?? []).length > 0
  const known = isOfTenant
    ? undefined
    : await withDeadline(timeoutMs(call), client, async (signal) => parts.alertmanagers?.(signal))
  const targets = (urls: readonly string[] = []): object[] => urls.map((url) => ({ url }))
  return dataAnswer({
    activeAlertmanagers: targets(known?.active),
    droppedAlertmanagers: targets(known?.dropped),
  })
}
