import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import express from 'express';
import { auth } from 'express-oauth2-jwt-bearer';
import { principalOf } from 'sallyport';
import { expressGuard } from 'sallyport/express';

// The two others both declare `Request.auth`, each as its own type, so these do not compile
// together but with skipLibCheck. That is why sallyport declares `principal`.

const app = express();
const requireToken = expressGuard({ issuer: 'https://issuer.test', audience: 'https://api.test' });
app.get('/', requireToken(), (req, res) => {
  res.json([principalOf(req).subject, req.auth?.clientId]);
});
for (const middleware of [auth, requireBearerAuth]) {
  if (typeof middleware !== 'function') throw new Error('not loaded');
}
console.log('works');
