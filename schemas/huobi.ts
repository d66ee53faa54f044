import * as z from 'zod'
import { integer, milliseconds, number, seconds } from './wire.js'

/**
 * What Huobi (HTX since September 2023) says, frame by frame. Every frame comes as one gzip member. Numbers are printed by
 * Java (`1.98E-4`, `4.0E7`, `0.0`) and reach these schemas as their exact text; ids of trades go far beyond 2^53.
 *
 * Documentation: spot https://huobiapi.github.io/docs/spot/v1/en/ (frozen about 2021) and htx.com/en-us/opend/newApiPages;
 * derivatives https://huobiapi.github.io/docs/dm/v1/en/, .../coin_margined_swap/v1/en/, .../usdt_swap/v1/en/.
 */

/** A counter of the venue: seqNum, version, mrid, tradeId. Compared as text or as decimals, never as a float. */
const counter = z.string().regex(/^\d{1,40}$/, { error: 'must be a whole number', abort: true })

const level = z.tuple([number, number])

/** `[price, amount]` rows; a side that has nothing to say is `[]`, null or absent, by channel and year. */
const side = z.array(level).nullish()

const pushed = { ch: z.string(), ts: milliseconds }

// ── Pushes of the market sockets ─────────────────────────────────────────────────────────────────────────────────────

/**
 * `market.$s.trade.detail`, spot ("Trade Detail", frame of 17 April 2021) and derivatives ("Trade Detail Data", 19 February
 * 2022):
 *
 *     {"ch":"market.trioeth.trade.detail","ts":1618678027942,"tick":{"id":100182534526,"ts":1618678027940,"data":[
 *      {"id":100182534526255757567432481,"ts":1618678027940,"tradeId":100045088885,"amount":20995.88,"price":9.2E-7,
 *       "direction":"buy"}]}}
 *     {"ch":"market.ATOM-USD.trade.detail","ts":1645289382234,"tick":{"id":74377471712,"ts":1645289382216,"data":[
 *      {"amount":6,"quantity":2.2569881997133624986364029626731768237,"ts":1645289382216,"id":743774717120000,
 *       "price":26.5841,"direction":"buy"}]}}
 *
 * `direction` is the taker's and may be empty (derivatives, 2022).
 */
const trade = z.looseObject({
  id: z.string(),
  ts: milliseconds,
  tradeId: counter.optional(),
  /** What REST calls `tradeId`. */
  'trade-id': counter.optional(),
  amount: number,
  price: number,
  direction: z.string(),
})
export const huobiTrades = z.looseObject({
  ...pushed,
  tick: z.looseObject({ id: counter, ts: milliseconds, data: z.array(trade) }),
})

/**
 * `market.$s.depth.stepN` ("Market Depth"): a whole book each time. Spot (17 April 2021) numbers it with `version`; on
 * derivatives (19 February 2022) `version` and `id` are Unix seconds and `mrid` gives the order. Halted contracts push it
 * without `bids` and `asks`, or with one of them. `"update":true` is not the venue's: Tardis kept only the difference from the book
 * before (huobi-dm until 31 January 2020, an amount of 0 removes the level).
 *
 *     {"ch":"market.trioeth.depth.step0","ts":1618678069870,"tick":{"bids":[[9.121E-7,92730.24]],"asks":[[9.2E-7,1.0]],
 *      "version":100182534697,"ts":1618678069868}}
 *     {"ch":"market.ATOM-USD.depth.step0","ts":1645289384843,"tick":{"mrid":74377472700,"id":1645289384,
 *      "bids":[[26.5766,50]],"asks":[[26.5842,7]],"ts":1645289384842,"version":1645289384,
 *      "ch":"market.ATOM-USD.depth.step0"}}
 */
export const huobiDepth = z.looseObject({
  ...pushed,
  update: z.boolean().optional(),
  tick: z.looseObject({
    bids: side,
    asks: side,
    version: counter.optional(),
    mrid: counter.optional(),
    ts: milliseconds.optional(),
  }),
})

/**
 * `market.$s.mbp.$N` ("Market By Price (incremental update)", spot, frame of 3 June 2021). A delta; size `0.0` deletes. An
 * untouched side is absent at 5 and 20 levels, `[]` at 150 and 400.
 *
 *     {"ch":"market.btcusdt.mbp.20","ts":1622707662703,"tick":{"seqNum":129803485567,"prevSeqNum":129803485424,
 *      "bids":[[38765.39,0.0],[38762.87,0.009708]],"asks":[[38762.88,0.102302]]}}
 */
export const huobiMbp = z.looseObject({
  ...pushed,
  tick: z.looseObject({ seqNum: counter, prevSeqNum: counter, bids: side, asks: side }),
})

/**
 * `market.$s.mbp.refresh.$N` ("Market By Price (refresh update)", spot): the whole top N.
 *
 *     {"ch":"market.btcusdt.mbp.refresh.20","ts":1573199608679,"tick":{"seqNum":100020142010,
 *      "bids":[[618.37,71.594]],"asks":[[650.59,14.909733438479636]]}}
 */
export const huobiRefresh = z.looseObject({
  ...pushed,
  tick: z.looseObject({ seqNum: counter, bids: side, asks: side }),
})

/**
 * `market.$c.depth.size_$N.high_freq` with `"data_type":"incremental"` ("Incremental Market Depth Data", derivatives, frame
 * of 23 September 2026). `snapshot` first, then `update` with version + 1. A side may be null (2022).
 *
 *     {"ch":"market.BTC-USDT.depth.size_20.high_freq","ts":1790134831873,"tick":{"asks":[],
 *      "bids":[[86853.4,2],[86848.5,0]],"ch":"market.BTC-USDT.depth.size_20.high_freq","event":"update",
 *      "id":100129125618998,"mrid":100129125618998,"ts":1790134831871,"version":1789895280798}}
 */
export const huobiHighFrequency = z.looseObject({
  ...pushed,
  tick: z.looseObject({
    event: z.enum(['snapshot', 'update']),
    version: counter,
    ts: milliseconds,
    bids: side,
    asks: side,
  }),
})

/**
 * `market.$s.bbo`, spot ("Best Bid/Offer", frame of 7 September 2021). `quoteTime` 0: no quote. An empty side is 0 or
 * absent.
 *
 *     {"ch":"market.btcusdt.bbo","ts":1630994555540,"tick":{"seqId":137005210233,"ask":52665.02,"askSize":1.502181,
 *      "bid":52665.01,"bidSize":0.178567,"quoteTime":1630994555539,"symbol":"btcusdt"}}
 */
export const huobiSpotQuote = z.looseObject({
  ...pushed,
  tick: z.looseObject({
    seqId: counter,
    bid: number.nullish(),
    bidSize: number.nullish(),
    ask: number.nullish(),
    askSize: number.nullish(),
    quoteTime: milliseconds.nullish(),
  }),
})

/**
 * `market.$c.bbo`, derivatives ("Market BBO Data"). A side may be missing.
 *
 *     {"ch":"market.BTC-USDT.bbo","ts":1603707934525,"tick":{"mrid":131599726,"id":1603707934,"bid":[13064,38],
 *      "ask":[13072.3,205],"ts":1603707934525,"version":131599726,"ch":"market.BTC-USDT.bbo"}}
 */
export const huobiContractQuote = z.looseObject({
  ...pushed,
  tick: z.looseObject({
    mrid: counter,
    bid: level.nullish(),
    ask: level.nullish(),
    ts: milliseconds.optional(),
  }),
})

/**
 * `market.$s.detail` ("Market Details", spot, 7 September 2021): rolling 24 hours. On spot `amount` is base volume and `vol`
 * quote volume; on derivatives `amount` is coins, `vol` contracts, `trade_turnover` money (USDT-M only), all of both sides.
 * `market.$s.ticker` (spot) adds the best prices, derivatives have them as `[price, contracts]`.
 *
 *     {"ch":"market.btcusdt.detail","ts":1630998026649,"tick":{"id":273956868110,"low":51000,"high":52924.14,
 *      "open":51823.62,"close":52379.99,"vol":727676440.200527,"amount":13991.028076056185,"version":273956868110,
 *      "count":471348}}
 *     {"ch":"market.btcusdt.ticker","ts":1630982370526,"tick":{"open":51732,"high":52785.64,"low":51000,"close":52735.63,
 *      "amount":13259.24137056181,"vol":687640987.4125315,"count":448737,"bid":52732.88,"bidSize":0.036,
 *      "ask":52732.89,"askSize":0.583653,"lastPrice":52735.63,"lastSize":0.03}}
 *     {"ch":"market.BTC-USDT.detail","ts":1603707870528,"tick":{"id":1603707840,"mrid":131599205,"open":12916.2,
 *      "close":13065.8,"high":13205.3,"low":12852.8,"amount":30316.748,"vol":30316748,"trade_turnover":395073889.4,
 *      "count":26792,"bid":[13064,38],"ask":[13072.3,205]}}
 */
const best = z.union([number, level]).nullish()
export const huobiDetail = z.looseObject({
  ...pushed,
  tick: z.looseObject({
    open: number.nullish(),
    close: number.nullish(),
    high: number.nullish(),
    low: number.nullish(),
    amount: number.nullish(),
    vol: number.nullish(),
    trade_turnover: number.nullish(),
    bid: best,
    ask: best,
  }),
})

/**
 * `market.tickers` (spot, frame of 5 August 2024): all pairs in one frame.
 *
 *     {"ch":"market.tickers","status":"ok","ts":1722857569936,"data":[{"symbol":"sylousdt","open":9.7E-4,"high":0.001055,
 *      "low":8.29E-4,"close":8.97E-4,"amount":6.033648738732E8,"vol":566666.2460002552,"count":12651}]}
 */
export const huobiTickers = z.looseObject({
  ...pushed,
  data: z.array(
    z.looseObject({
      symbol: z.string(),
      open: number.nullish(),
      close: number.nullish(),
      high: number.nullish(),
      low: number.nullish(),
      amount: number.nullish(),
      vol: number.nullish(),
      bid: number.nullish(),
      ask: number.nullish(),
    }),
  ),
})

/**
 * `market.$s.kline.$p` ("Candlestick", spot, 7 September 2021); derivatives add `mrid` and `trade_turnover`. `id` is the open
 * time in seconds. The fields are optional because the same tick with `id` alone stands in a client's public tests.
 *
 *     {"ch":"market.ethbtc.kline.1min","ts":1630981694370,"tick":{"id":1630981680,"open":0.074849,"close":0.074848,
 *      "low":0.074848,"high":0.074849,"amount":2.4448,"vol":0.1829884187,"count":3}}
 */
const kline = z.looseObject({
  id: seconds,
  open: number.nullish(),
  close: number.nullish(),
  high: number.nullish(),
  low: number.nullish(),
  amount: number.nullish(),
  vol: number.nullish(),
  count: integer.nullish(),
})
export const huobiKline = z.looseObject({ ...pushed, tick: kline })

/**
 * `market.$c.index.$p`, `.mark_price.$p`, `.premium_index.$p`, `.estimated_rate.$p` on `/ws_index` ("Index Kline Data",
 * frame of 23 September 2026): klines whose numbers are strings and whose `close` is the value now.
 *
 *     {"ch":"market.BTC-USDT.mark_price.1min","tick":{"id":1790135100,"open":"86834.8","close":"86826.6",
 *      "high":"86838.2","low":"86826.6","amount":"0","vol":"0","count":"0","trade_turnover":"0"},"ts":1790135117624}
 */
export const huobiIndexKline = z.looseObject({ ...pushed, tick: z.looseObject({ close: number.nullish() }) })

/**
 * `market.$c.open_interest`: not the venue's. Tardis asks over REST every 4 to 6 seconds and writes the answer as a message with
 * `generated` and the rows of REST. `market.$c.funding_rate` the same. A future is named by its week in `ch`, by its date in the row.
 *
 *     {"ch":"market.BTC-USDT.open_interest","generated":true,"data":[{"symbol":"BTC","contract_code":"BTC-USDT",
 *      "amount":100.5,"volume":100500,"value":1400000}],"ts":1604188800000}
 */
const generated = { ch: z.string(), generated: z.literal(true), ts: milliseconds.nullish() }
export const huobiGeneratedOpenInterest = z.looseObject({
  ...generated,
  data: z.array(z.looseObject({ contract_code: z.string().optional(), volume: number.nullish() })),
})

/** Topics that have no event here (basis, net asset value): only the envelope is checked. */
export const huobiUnused = z.looseObject({ ...pushed, tick: z.looseObject({}) })

// ── Answers of the market sockets ────────────────────────────────────────────────────────────────────────────────────

/**
 * The ack of a subscribe or unsubscribe. `id` is echoed with its type.
 *
 *     {"id":1,"status":"ok","subbed":"market.trioeth.depth.step0","ts":1618678070653}
 *     {"id":"id2","status":"ok","unsubbed":"market.btcusdt.trade.detail","ts":1489474081631}
 */
export const huobiAck = z.looseObject({
  id: z.string().nullish(),
  subbed: z.string().optional(),
  unsubbed: z.string().optional(),
})

/**
 * A refusal. `id` is empty where the request could not be read.
 *
 *     {"status":"error","ts":1622707662703,"id":"e1","err-code":"bad-request","err-msg":"invalid symbol nopeusdt"}
 */
export const huobiRefusal = z.looseObject({
  status: z.literal('error'),
  id: z.string().nullish(),
  'err-code': z.string().optional(),
  'err-msg': z.string().optional(),
})

/**
 * The answer of `{"req":"market.btcusdt.mbp.150","id":"id3"}`; `data` may be null.
 *
 *     {"id":"id3","status":"ok","ts":1573199608679,"rep":"market.btcusdt.mbp.150","data":{"seqNum":100020142010,
 *      "bids":[[618.37,71.594]],"asks":[[650.59,14.909733438479636]]}}
 */
export const huobiMbpReply = z.looseObject({
  id: z.string().nullish(),
  ts: milliseconds,
  rep: z.string(),
  data: z.looseObject({ seqNum: counter, bids: side, asks: side }).nullish(),
})

/** The answer of `{"req":"market.btcusdt.trade.detail"}`: up to 300 recent trades. Null where there are none. */
export const huobiTradesReply = z.looseObject({
  id: z.string().nullish(),
  rep: z.string(),
  data: z.array(trade).nullish(),
})

/** The answer of `{"req":"market.btcusdt.kline.1min","from":…,"to":…}`: rows as in the push. */
export const huobiKlineReply = z.looseObject({
  id: z.string().nullish(),
  rep: z.string(),
  data: z.array(kline).nullish(),
})

/** The answer of `{"req":"market.btcusdt.depth.step0"}`: the tick of the push. */
export const huobiDepthReply = z.looseObject({
  id: z.string().nullish(),
  ts: milliseconds,
  rep: z.string(),
  data: huobiDepth.shape.tick.nullish(),
})

/** `{"ping":1618677960000}`, every five seconds: the value is sent back as it stands. */
export const huobiPing = z.looseObject({ ping: z.string() })

// ── Notification sockets ─────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Every frame of the notification sockets ("Subscribe System Status", "Subscribe funding rate", 23 September 2026).
 *
 *     {"op":"sub","cid":"1","topic":"public.*.funding_rate","ts":1789670081489,"err-code":0}
 *     {"op":"ping","ts":"1789676447110"}
 */
export const huobiOperation = z.looseObject({
  op: z.string(),
  cid: z.string().nullish(),
  topic: z.string().nullish(),
  ts: z.string().nullish(),
  'err-code': z.string().nullish(),
  'err-msg': z.string().nullish(),
})

const notified = { op: z.literal('notify'), topic: z.string(), ts: milliseconds }

/** Rates and times as text, or the word null in quotes (2026). */
const rate = number
  .nullish()
  .transform((text) => (text === undefined || text === null || text === 'null' || text === '' ? null : text))

/**
 * `public.$c.funding_rate` (23 September 2026): one frame of all rows under `*` first, then each contract on its own topic.
 *
 *     {"op":"notify","topic":"public.BTC-USDT.funding_rate","ts":1790135117894,"data":[{"symbol":"BTC",
 *      "contract_code":"BTC-USDT","fee_asset":"USDT","funding_time":"1790135110000",
 *      "funding_rate":"0.000064355479737646","estimated_rate":null,"settlement_time":"1790150400000",
 *      "trade_partition":"USDT"}]}
 */
export const huobiFunding = z.looseObject({
  ...notified,
  data: z.array(
    z.looseObject({
      contract_code: z.string(),
      funding_rate: rate,
      estimated_rate: rate,
      funding_time: rate.pipe(milliseconds.nullable()),
      settlement_time: rate.pipe(milliseconds.nullable()),
    }),
  ),
})

/**
 * `public.$c.liquidation_orders` (rows of 2026); coin-M futures name the coin in the topic. `direction` is that of the order:
 * `buy` closes a short. `volume` contracts, `amount` coins, `price` the bankruptcy price.
 *
 *     {"op":"notify","topic":"public.ETH-USDT.liquidation_orders","ts":1789670297213,"data":[{"symbol":"ETH",
 *      "contract_code":"ETH-USDT","direction":"buy","offset":"close","volume":500,"price":2446.26,
 *      "created_at":1789670297212,"amount":5,"trade_turnover":12231.3,"contract_type":"swap","pair":"ETH-USDT",
 *      "business_type":"swap"}]}
 */
export const huobiLiquidations = z.looseObject({
  ...notified,
  data: z.array(
    z.looseObject({
      contract_code: z.string(),
      direction: z.string(),
      volume: number,
      price: number.nullish(),
      created_at: milliseconds,
    }),
  ),
})

/**
 * One contract, as the REST lists and `public.$c.contract_info` give it (REST of 19 February 2022).
 *
 *     {"symbol":"BTC","contract_code":"BTC-USDT","contract_size":0.001000000000000000,"price_tick":0.100000000000000000,
 *      "delivery_date":"","delivery_time":"","create_date":"20201021","contract_status":1,
 *      "settlement_date":"1645315200000","support_margin_mode":"all","business_type":"swap","pair":"BTC-USDT",
 *      "contract_type":"swap","trade_partition":"USDT"}
 */
const contract = z.looseObject({
  contract_code: z.string(),
  contract_size: number,
  price_tick: number,
  contract_status: integer,
  delivery_time: z.string().nullish(),
})
export type HuobiContract = z.infer<typeof contract>

/** `public.$c.contract_info`: `event` init, update, or snapshot every 60 s; rows as in REST. */
export const huobiContractInfo = z.looseObject({ ...notified, data: z.array(contract) })

/**
 * `public.linear-swap.heartbeat` on `/center-notification`: 1 open, 0 maintenance. `data` is an object, not an array.
 *
 *     {"op":"notify","topic":"public.linear-swap.heartbeat","event":"init","ts":1408076414000,
 *      "data":{"heartbeat":0,"estimated_recovery_time":1408076414000}}
 */
export const huobiHeartbeat = z.looseObject({
  ...notified,
  data: z.looseObject({ heartbeat: integer, estimated_recovery_time: integer.nullish() }),
})

// ── REST ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * `GET /v1/common/symbols` (17 April 2021).
 *
 *     {"status":"ok","data":[{"base-currency":"yee","quote-currency":"btc","price-precision":10,"amount-precision":2,
 *      "symbol-partition":"innovation","symbol":"yeebtc","state":"online","value-precision":8,"min-order-amt":1}]}
 */
export const huobiSymbols = z.looseObject({
  status: z.literal('ok'),
  data: z.array(
    z.looseObject({
      'base-currency': z.string(),
      'quote-currency': z.string(),
      'price-precision': integer,
      'amount-precision': integer,
      symbol: z.string(),
      state: z.string(),
    }),
  ),
})

/**
 * `GET /v2/settings/common/symbols`: the same list with short keys.
 *
 *     {"status":"ok","data":[{"sc":"btcusdt","bc":"btc","qc":"usdt","bcdn":"BTC","qcdn":"USDT","state":"online","te":true,
 *      "tpp":2,"tap":6,"ttp":8}],"ts":"1641870869718","full":1}
 */
export const huobiSettings = z.looseObject({
  status: z.literal('ok'),
  data: z.array(
    z.looseObject({
      sc: z.string(),
      bc: z.string(),
      qc: z.string(),
      state: z.string(),
      tpp: integer,
      tap: integer,
    }),
  ),
})

/** `GET /api/v1/contract_contract_info`, `/swap-api/v1/swap_contract_info`, `/linear-swap-api/v1/swap_contract_info`. */
export const huobiContracts = z.looseObject({ status: z.literal('ok'), data: z.array(contract) })

/**
 * `GET /linear-swap-api/v1/swap_open_interest` and its sisters: open interest exists only here. `volume` contracts (of both
 * sides), `amount` coins, `value` money.
 *
 *     {"status":"ok","data":[{"volume":616113,"amount":616.113,"symbol":"BTC","value":25254055.2,
 *      "contract_code":"BTC-USDT","trade_amount":8131.2,"trade_volume":8131196,"trade_turnover":333290000}],
 *      "ts":1603695442211}
 */
export const huobiOpenInterest = z.looseObject({
  status: z.literal('ok'),
  data: z.array(z.looseObject({ contract_code: z.string(), volume: number.nullish() })),
  ts: milliseconds.nullish(),
})

/**
 * `GET /linear-swap-api/v1/swap_batch_funding_rate` and `/swap-api/v1/swap_batch_funding_rate` (answer of 9 December 2021 in
 * a public client): `funding_time` is when the rate is paid.
 *
 *     {"status":"ok","data":[{"estimated_rate":"0.000100000000000000","funding_rate":"0.000100000000000000",
 *      "contract_code":"BCH-USD","symbol":"BCH","fee_asset":"BCH","funding_time":"1639094400000",
 *      "next_funding_time":"1639123200000"}],"ts":1639085854775}
 */
const fundingRow = z.looseObject({
  contract_code: z.string(),
  funding_rate: rate,
  estimated_rate: rate,
  funding_time: rate.pipe(milliseconds.nullable()),
})
export const huobiFundingRates = z.looseObject({
  status: z.literal('ok'),
  data: z.array(fundingRow),
  ts: milliseconds.nullish(),
})

/** `market.$c.funding_rate` with `generated`: see `huobiGeneratedOpenInterest`. The answer for one contract is one row, not a list. */
export const huobiGeneratedFundingRate = z.looseObject({
  ...generated,
  data: z.union([z.array(fundingRow), fundingRow.transform((row) => [row])]),
})
