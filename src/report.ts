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
 * Returns a handler that serves the report as a page, on Express and Fastify:
 * `app.get('/migration', reportPage({ guard, requirements, report }))`.
 * @throws ConfigError for invalid options, and for empty requirements
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
    if (reply.sent) return; // something else, such as a timeout, has already responded
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
      // The response is tested because middleware may have replaced the request.
      if ('setHeader' in answering) await onExpress(request as ExpressPageRequest, answering);
      else await onFastify(request as FastifyPageRequest, answering);
    } catch (thrown) {
      const error = asError(thrown);
      if (!next) throw error;
      next(error);
    }
  } as ReportPage;
}
