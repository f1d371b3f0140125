import 'reflect-metadata';
// #region quickstart
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  HttpException,
  Module,
  Req,
} from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import { createGuard, principalOf } from 'sallyport';
import { toGuardRequest } from 'sallyport/node';

const guard = createGuard({
  issuer: 'https://login.example.com',
  audience: 'https://api.example.com',
});

const reflector = new Reflector();
/** The scopes that a token must have: on a controller for all its routes, on a method for one. */
const Scopes = Reflector.createDecorator<string[]>();

class TokenGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const [request, response] = [http.getRequest<Request>(), http.getResponse<Response>()];
    const scopes = reflector.getAllAndOverride(Scopes, [context.getHandler(), context.getClass()]);
    const decision = await guard(toGuardRequest(request), scopes && { scopes });
    response.set(decision.allowed ? decision.headers : decision.denial.headers);
    if (!decision.allowed) throw new HttpException(decision.denial.body, decision.denial.status);
    if (decision.principal) request.principal = decision.principal;
    return true;
  }
}

@Controller('orders')
class OrdersController {
  @Get()
  @Scopes(['orders:read'])
  list(@Req() request: Request) {
    return { orders: [], for: principalOf(request).subject };
  }
}

@Module({ controllers: [OrdersController] })
class AppModule {}

async function createApp() {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  app.useGlobalGuards(new TokenGuard()); // every route needs a token, also one without @Scopes
  return app;
}

// #endregion

export { createApp };
