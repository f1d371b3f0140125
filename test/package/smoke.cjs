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
    ...require('sallyport/audit'),
    ...require('sallyport/express'),
    ...require('sallyport/fastify'),
    ...require('sallyport/fetch'),
    ...require('sallyport/api-keys'),
    ...require('sallyport/plan'),
    ...require('sallyport/postgres'),
    ...require('sallyport/redis'),
    ...require('sallyport/report'),
    ...require('sallyport/testing'),
    ...require('sallyport/usage'),
  },
  schema: require('sallyport/plan.schema.json'),
  express: installed('express'),
  fastify: installed('fastify'),
}).then(console.log);
