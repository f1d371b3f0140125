/**
 * Calls Express middlewares as Express would, without Express. Answers what `subjectOf` finds in
 * the request, or the status with which it was refused.
 */
export function through(guards, subjectOf) {
  return (authorization) =>
    new Promise((resolve) => {
      const request = new PlainRequest(authorization);
      const response = new PlainResponse(resolve);
      let reached = 0;
      const next = (error) => {
        if (error) return resolve(error.status ?? 500);
        if (reached === guards.length) return resolve(subjectOf(request));
        guards[reached++](request, response, next);
      };
      next();
    });
}

/** As much of a request as the contestants read. */
class PlainRequest {
  method = 'GET';
  protocol = 'http';
  url = '/orders';
  originalUrl = '/orders';
  query = {};

  constructor(authorization) {
    this.headers = { host: '127.0.0.1', authorization };
  }

  get(name) {
    return this.headers[name.toLowerCase()];
  }

  is() {
    return false;
  }
}

class PlainResponse {
  constructor(resolve) {
    this.resolve = resolve;
  }

  set() {
    return this;
  }

  status(status) {
    this.code = status;
    return this;
  }

  json() {
    this.resolve(this.code);
  }
}
