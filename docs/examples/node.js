// Somebody's own node: pre-settlement 2206 and settlement 2207 of Huaibei 340600, level 0.
//
//     node docs/examples/node.js 9000
//     yidi run huaibei-outpatient-in-shanghai --external insured:340600=http://127.0.0.1:9000/
'use strict';
const http = require('node:http');

const balances = {}, deductibles = {}, settled = {}; // fen by person, the same, answer by msgid
const fen = (yuan) => Number(yuan.replace('.', '')); // amounts come with two decimals
const yuan = (value) => `${Math.floor(value / 100)}.${String(value % 100).padStart(2, '0')}`;

function answer(request) {
  if (request.infno === 'init') { // the handshake: who is insured here, and what is served
    for (const one of request.input.persons) balances[one.psn_no] = fen(one.balc);
    return { infcode: 0, output: { serves: ['2206', '2207'] } };
  }
  if (settled[request.msgid]) return settled[request.msgid]; // a repeat gets the first answer
  const claim = request.input.data, person = claim.psn_no, total = fen(claim.medfee_sumamt);
  const outside = ['fulamt_ownpay_amt', 'overlmt_selfpay', 'preselfpay_amt'];
  const inScope = outside.reduce((rest, name) => rest - fen(claim[name]), total);
  const paid = deductibles[person] ?? 0, balance = balances[person] ?? 0;
  const deductible = Math.min(inScope, 400_00 - paid); // 400 yuan a year
  const fund = Math.floor((inScope - deductible + 1) / 2); // half of the rest, rounded half up
  const account = claim.acct_used_flag === '1' ? Math.min(total - fund, balance) : 0;
  const amounts = { medfee_sumamt: total, act_pay_dedc: deductible, fund_pay_sumamt: fund,
    acct_pay: account, psn_cash_pay: total - fund - account, balc: balance - account };
  const info = Object.fromEntries(Object.entries(amounts).map(([k, v]) => [k, yuan(v)]));
  info.pool_prop_selfpay = '0.5';
  const detail = [{ fund_pay_type: '310100', fund_payamt: info.fund_pay_sumamt }];
  const reply = { infcode: 0, output: { setlinfo: info, setldetail: detail } };
  if (request.infno === '2207') { // from here on money moves
    info.setl_id = `N${String(Object.keys(settled).length + 1).padStart(9, '0')}`;
    [balances[person], deductibles[person]] = [balance - account, paid + deductible];
    settled[request.msgid] = reply;
  }
  return reply;
}
module.exports = { answer };

if (require.main === module) {
  http.createServer(async (request, response) => {
    const chunks = await request.toArray();
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(answer(JSON.parse(Buffer.concat(chunks)))));
  }).listen(Number(process.argv[2]), '127.0.0.1');
}
