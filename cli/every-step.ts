/**
 * Takes every step in order, whatever became of the ones before, so that one file that cannot be closed leaves no other open.
 * Then throws what failed: the error itself, or an `AggregateError` of several.
 */
export async function everyStep(...steps: readonly (() => unknown)[]): Promise<void> {
  const errors: unknown[] = []
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length === 1) throw errors[0]
  if (errors.length > 1) throw new AggregateError(errors, 'several steps failed')
}
