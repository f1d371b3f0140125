const smoke = require('./smoke-steps.cjs');

const installed = (name) => {
  try {
    return require(name);
  } catch {
    return undefined;
  }
};

smoke({
  sallyport: {
    ...require('sallyport'),
    ...require('sallyport/express'),
    ...require('sallyport/fastify'),
    ...require('sallyport/fetch'),
    ...require('sallyport/testing'),
  },
  express: installed('express'),
  fastify: installed('fastify'),
}).then(console.log);
