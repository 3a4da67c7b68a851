/** The status of an answer about what is not there. */
export const GONE = 404

/**
 * A question about something that may not be there.
 * @param absent the statuses that say so, which Docker's client has as `statusCode` and that of Kubernetes as `code`
 */
export const ifThere = <Answer>(
  answer: Promise<Answer>,
  absent: readonly unknown[] = [GONE],
): Promise<Answer | undefined> =>
  answer.catch(error => {
    if (absent.includes(error.statusCode ?? error.code)) return undefined
    throw error
  })
