// Somebody's own node: pre-settlement 2206 and settlement 2207 of Huaibei 340600, level 0.
//
//     node docs/examples/node.js 9000
//     yidi run huaibei-outpatient-in-shanghai --external insured:340600=http://127.0.0.1:9000/
'use strict';
const http = require('node:http');
const { isDeepStrictEqual } = require('node:util');

let balances = {}, deductibles = {}, settled = {}; // fen by person, the same, by msgid
const yuan = (value) => `${Math.floor(value / 100)}.${String(value % 100).padStart(2, '0')}`;
const refused = (words) => ({ infcode: -1, err_msg: words });

function need(fields, name) { // what a claim must have
  if (!fields[name]) throw new RangeError(name);
  return fields[name];
}
const fen = (fields, name) => Number(need(fields, name).replace('.', '')); // two decimals

function answer(request) {
  try { return decide(request); } catch (error) {
    return refused(`E_MISSING_FIELD ${error.message}`);
  }
}

function decide(request) {
  if (request.infno === 'init') { // the handshake: who is insured here, and what is served
    [balances, deductibles, settled] = [{}, {}, {}]; // a new network begins
    for (const one of request.input.persons) balances[one.psn_no] = fen(one, 'balc');
    return { infcode: 0, output: { serves: ['2206', '2207'] } };
  }
  const claim = request.input.data, before = settled[request.msgid];
  if (before) { // a repeat gets the first answer again, and only a repeat does
    return isDeepStrictEqual(before.claim, claim) ? before.reply : refused('E_KEY_REUSED');
  }
  const person = need(claim, 'psn_no'), total = fen(claim, 'medfee_sumamt');
  const outside = ['fulamt_ownpay_amt', 'overlmt_selfpay', 'preselfpay_amt'];
  const inScope = outside.reduce((rest, name) => rest - fen(claim, name), total);
  const paid = deductibles[person] ?? 0, balance = balances[person] ?? 0;
  const deductible = Math.min(inScope, 400_00 - paid); // 400 yuan a year
  const fund = Math.floor((inScope - deductible + 1) / 2); // half of the rest, rounded half up
  const account = need(claim, 'acct_used_flag') === '1' ? Math.min(total - fund, balance) : 0;
  const amounts = { medfee_sumamt: total, act_pay_dedc: deductible, fund_pay_sumamt: fund,
    acct_pay: account, psn_cash_pay: total - fund - account, balc: balance - account };
  const info = Object.fromEntries(Object.entries(amounts).map(([k, v]) => [k, yuan(v)]));
  info.pool_prop_selfpay = '0.5';
  const detail = [{ fund_pay_type: '310100', fund_payamt: info.fund_pay_sumamt }];
  const reply = { infcode: 0, output: { setlinfo: info, setldetail: detail } };
  if (request.infno === '2207') { // from here on money moves
    info.setl_id = `N${String(Object.keys(settled).length + 1).padStart(9, '0')}`;
    [balances[person], deductibles[person]] = [balance - account, paid + deductible];
    settled[request.msgid] = { claim, reply };
  }
  return reply;
}
module.exports = { answer };

if (require.main === module) {
  http.createServer(async (request, response) => {
    const chunks = await request.toArray();
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(answer(JSON.parse(Buffer.concat(chunks)))));
  }).listen(Number(process.argv[2] || 9000), '127.0.0.1');
}
