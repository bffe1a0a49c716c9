/** An alert as it goes to an Alertmanager, and the JSON of several, as Prometheus's notifier writes it. */

export interface OutgoingAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly startsAtMs: number
  /** In the future while it fires: then it counts as resolved unless it is sent again. */
  readonly endsAtMs: number
  /** '' for none. */
  readonly generatorUrl: string
}

/** The body of `POST /api/v2/alerts`. */
export function alertsToJson(alerts: readonly OutgoingAlert[]): string {
  const json = JSON.stringify(
    alerts.map(({ labels, annotations, startsAtMs, endsAtMs, generatorUrl }) => ({
      annotations: wellFormed(annotations),
      endsAt: new Date(endsAtMs).toISOString(),
      startsAt: new Date(startsAtMs).toISOString(),
      ...(generatorUrl !== '' && { generatorURL: generatorUrl.toWellFormed() }),
      labels: wellFormed(labels),
    })),
  )
  // As Go does: a gateway on the way that takes the text for a page of HTML finds none.
  return json.replaceAll(/[<>&\u2028\u2029]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

function wellFormed(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name.toWellFormed(), text.toWellFormed()]),
  )
}
