// #region quickstart
import type { MigrationPlan } from 'sallyport';
import type { MigrationReport } from 'sallyport/report';

/** The plan, with the old door closed to every client that would not notice. */
export function cutWhatIsSafe(plan: MigrationPlan, report: MigrationReport): MigrationPlan {
  const safe = report.clients.filter(
    ({ mode, safeToCut }) => safeToCut.safe && mode !== 'token-only' && mode !== 'extension',
  );
  const cut = safe.map(({ client }) => {
    const held = plan.clients?.[client];
    return [client, { ...(typeof held === 'object' && held), mode: 'token-only' }] as const;
  });
  return { ...plan, clients: { ...plan.clients, ...Object.fromEntries(cut) } };
}
// #endregion
