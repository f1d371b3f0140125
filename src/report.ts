import { expressTemplate } from './adapters/node-request.js';
import { mergeLinks, writeResponse } from './adapters/node-response.js';
import { asError } from './index.js';
import {
  answerReports,
  type ExpressPageRequest,
  type FastifyPageReply,
  type FastifyPageRequest,
  type PageResponse,
  type ReportPage,
  type ReportPageOptions,
} from './report/mount.js';

export { migrationReport, migrationReportAsync } from './report/analysis/build.js';
export type { GoneGuard } from './report/analysis/gone.js';
export type {
  ExcludedClient,
  ListedClient,
  ListedKey,
  ReportInput,
} from './report/analysis/input.js';
export type * from './report/analysis/model.js';
export { ownReport, stillOnKeys } from './report/analysis/own.js';
export { contentSecurityPolicy, renderHtml } from './report/page/page.js';
export { renderMarkdown } from './report/text/markdown.js';
export { renderText, type TextOptions } from './report/text/text.js';
export type { ReportPage, ReportPageOptions };

/**
 * The report as a page, in Express and in Fastify:
 * `app.get('/migration', reportPage({ guard, requirements, report }))`.
 * @throws ConfigError for options that cannot be meant, and for requirements that ask nothing
 */
export function reportPage(options: ReportPageOptions): ReportPage {
  const answer = answerReports(options);

  async function onExpress(request: ExpressPageRequest, response: PageResponse): Promise<void> {
    const { method, originalUrl, url, headers, rawHeaders, params, body, baseUrl, route } = request;
    const routeTemplate = () => expressTemplate(baseUrl ?? '', route?.path);
    const shared = { method, originalUrl, url, headers, rawHeaders, params, body };
    writeResponse(response, await answer({ ...shared, routeTemplate }, request));
  }

  async function onFastify(request: FastifyPageRequest, reply: FastifyPageReply): Promise<void> {
    const { method, originalUrl, url, headers: sent, params, body: parsed, raw } = request;
    const routeTemplate = () => request.routeOptions?.url;
    const shared = { method, originalUrl, url, headers: sent, params, body: parsed };
    const asked = { ...shared, rawHeaders: raw.rawHeaders, routeTemplate };
    const { status, headers, body } = await answer(asked, raw);
    if (reply.sent) return; // somebody else, a time-out perhaps, has answered meanwhile
    reply.code(status);
    reply.headers({ ...mergeLinks(headers, (name) => reply.getHeader(name)) });
    await reply.send(body);
  }

  return async function showReport(
    request: ExpressPageRequest | FastifyPageRequest,
    answering: PageResponse | FastifyPageReply,
    next?: (error?: unknown) => void,
  ): Promise<void> {
    try {
      // Of the request any middleware may have made something else.
      if ('setHeader' in answering) await onExpress(request as ExpressPageRequest, answering);
      else await onFastify(request as FastifyPageRequest, answering);
    } catch (thrown) {
      const error = asError(thrown);
      if (!next) throw error;
      next(error);
    }
  } as ReportPage;
}
