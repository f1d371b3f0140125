import { writeFile } from 'node:fs/promises';
import type { MigrationPlan } from 'sallyport';
import type { MigrationReport } from 'sallyport/report';
import { cutWhatIsSafe } from './cut.js';
import { clientIn, figures, planOf, type Scene } from './scene.js';
import type { Agenda } from './year.js';

/** What changes in the plan while clients move. */
interface Changes {
  readonly percent?: number;
  readonly clients?: MigrationPlan['clients'];
  readonly pauseBrownouts?: boolean;
}

/** The months in which the old door closes; `cut` has who was cut as safe, and when. */
export function closing(scene: Scene, pagePath: string, cut: Map<string, string>): Agenda {
  const { api, chapter, say, check } = scene;

  /** What is left out stays as it is in the plan. */
  async function change({ percent, clients, pauseBrownouts = false }: Changes): Promise<void> {
    const plan = api.plan();
    const customers: MigrationPlan['cohorts'] =
      percent === undefined ? {} : { customers: { mode: 'token-only', percent } };
    await api.setPlan({
      ...plan,
      pauseBrownouts,
      clients: { ...plan.clients, ...clients },
      cohorts: { ...plan.cohorts, ...customers },
    });
  }

  function noteCut({ clients }: MigrationReport, day: string): void {
    for (const { client, safeToCut } of clients) {
      if (safeToCut.safe && !cut.has(client)) cut.set(client, day);
    }
  }

  return {
    async '2027-04-05'() {
      chapter('5 Apr 2027', 'Step 4, move and watch');
      const { report } = await scene.report(
        { migrated: 20, 'in progress': 3, 'on keys': 13, blocked: 1, inactive: 3 },
        [figures, 'CLIENTS'],
      );
      const umbrella = clientIn(report, 'umbrella');
      const [refused] = umbrella.refusals;
      check(
        'blocked: umbrella',
        [umbrella.status, refused?.reason],
        ['blocked', 'ERR_TOKEN_AUDIENCE'],
      );
      say(
        `umbrella wrote in February that it had moved. ${refused?.count} of its tokens were refused
        in 30 days, all for their audience, and each time it fell back on its key. A telephone call.`,
      );
      const { agents } = clientIn(report, 'initech');
      say(
        `initech has moved half of its fleet; what still has a key says so itself:
        ${agents.map(({ agent }) => agent).join(' and ')}.`,
      );
      await api.setPlan(cutWhatIsSafe(planOf('4-move'), report));
      noteCut(report, '2027-04-05');
      check('safe to cut, and cut today: 20 that have moved, 3 that use no key', cut.size, 23);
      say(
        `stark asks for an extension, since each of its changes has to be approved, and gets one
        until 30 September.`,
      );
    },

    async '2027-05-04'() {
      chapter('4 May 2027', 'Brownouts: Tuesdays and Thursdays, 00:00, 08:00 and 16:00 UTC');
      say(
        `15 minutes in the first week, then 30, 60 and 120. tyrell calls at 08:05, is refused, and
        sends tokens from the next day on.`,
      );
    },

    async '2027-05-20'() {
      say(
        '20 May: a launch at a partner. The brownouts are paused for a day: one line in the plan.',
      );
      await change({ pauseBrownouts: true });
    },
    async '2027-05-21'() {
      await change({});
    },

    async '2027-06-01'() {
      chapter('1 Jun 2027', 'What the brownouts have taught');
      const { report, page } = await scene.report(
        { migrated: 31, overdue: 4, extended: 1, inactive: 4 },
        [figures],
      );
      await writeFile(pagePath, page);
      const [brownout] = report.brownouts;
      const lessons = brownout?.clients.map(
        ({ client, refused, cameBack }) => `${client}, refused ${refused}: ${cameBack}`,
      );
      check(`refused in brownouts: ${brownout?.refused}, and came back with`, lessons, [
        ...['wonka, refused 6: key', 'vandelay, refused 3: key', 'dunder, refused 1: never'],
        ...['globex, refused 2: token', 'wayne, refused 2: token', 'tyrell, refused 1: token'],
      ]);
      scene.quote(lessons ?? []);
      say(
        `globex runs at 01:30 at night: only windows of two hours have met it. wonka had moved, and
        rolled back. vandelay answers no mail. dunder has not come back at all, and a call finds that
        it is no more.`,
      );
      const acme = clientIn(report, 'acme');
      const seen = [acme.status, acme.safeToCut.safe];
      check('acme is inactive, and not safe to cut', seen, ['inactive', false]);
      scene.quote([acme.safeToCut.why]);
      say(
        `By the rule of a fortnight it would be cut now, three hours before its monthly run. Whoever
        is safe is cut, acme is called; it moves on the 24th.`,
      );
      await api.setPlan(cutWhatIsSafe(api.plan(), report));
      noteCut(report, '2027-06-01');
      check('safe to cut by now: 34', cut.size, 34);
    },

    async '2027-06-02'() {
      chapter('2 Jun 2027', 'What is left of the customers: a quarter, a half, all of them');
      await change({ percent: 25, clients: { acme: 'deprecated' } });
    },
    async '2027-06-09'() {
      say('9 June: wonka is in the half. It is refused, and moves the next day, for good.');
      await change({ percent: 50 });
    },
    async '2027-06-16'() {
      say(
        '16 June: all of them, but for acme. That is to say: vandelay. A telephone call, in vain.',
      );
      await scene.report({ migrated: 32, overdue: 2, extended: 1, inactive: 5 });
      await change({ percent: 100 });
    },

    async '2027-06-30'() {
      chapter('30 Jun 2027', 'Step 5, sunset');
      say(
        `Nothing is deployed at midnight: the date is in the plan. Two of 40 clients still send keys,
        and stark is let in. A day later the plan says it in a word: "token-only".`,
      );
    },
    async '2027-07-01'() {
      await api.setPlan(planOf('5-sunset'));
    },

    async '2027-07-14'() {
      chapter('14 Jul 2027', 'Two weeks without keys');
      const { report } = await scene.report({ migrated: 34, overdue: 1, extended: 1, inactive: 4 });
      const { lastKeyUse, firstTokenUse } = clientIn(report, 'vandelay');
      check(
        'vandelay has moved',
        [lastKeyUse, firstTokenUse],
        ['2027-07-05T16:50:00.000Z', '2027-07-06T16:50:00.000Z'],
      );
      const { lastTokenUse } = clientIn(report, 'acme');
      check(
        'so has acme: its run of 1 July came with a token',
        lastTokenUse,
        '2027-07-01T03:00:00.000Z',
      );
      say('It never answered a mail. It answered a 401 with a link to the guide.');
    },

    async '2027-10-18'() {
      chapter('18 Oct 2027', 'The last extension is over');
      const { report } = await scene.report({ migrated: 36, inactive: 4 }, [figures]);
      say('stark was refused on one morning, that of 30 September, and had moved on the next.');
      check('every key can be cut', report.safeToCut, true);
      await api.setPlan(withoutClients(api.plan()));
      const removable = api.warnings.filter((text) => text.includes('remove the apiKeys option'));
      check('sallyport says that the apiKeys option can be removed', removable.length, 1);
    },
  };
}

const withoutClients = ({ clients: _, ...plan }: MigrationPlan): MigrationPlan => plan;
