CREATE TABLE dim_models (
  model_name TEXT NOT NULL,
  model_version TEXT NOT NULL,
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  velocity TEXT NOT NULL,
  kind TEXT NOT NULL,
  as_of DATE NOT NULL,
  trained_at TIMESTAMP,
  is_promoted BOOLEAN NOT NULL,
  reason TEXT NOT NULL,
  alarm TEXT NOT NULL,
  alias TEXT,
  model_digest TEXT,
  panel_digest TEXT,
  parameters_digest TEXT,
  code_digest TEXT,
  git_commit TEXT,
  validated_mape DOUBLE PRECISION,
  series BIGINT NOT NULL,
  weeks BIGINT NOT NULL,
  CONSTRAINT pk_dim_models PRIMARY KEY (model_name, model_version)
);

CREATE TABLE dim_products (
  region TEXT NOT NULL,
  product_id TEXT NOT NULL,
  category TEXT,
  pack_size DOUBLE PRECISION,
  shelf_life_weeks DOUBLE PRECISION,
  unit_price DOUBLE PRECISION,
  unit_cost DOUBLE PRECISION,
  attributes TEXT,
  CONSTRAINT pk_dim_products PRIMARY KEY (region, product_id)
);

CREATE TABLE dim_runs (
  run_id TEXT NOT NULL,
  started_at TIMESTAMP NOT NULL,
  ended_at TIMESTAMP,
  environment TEXT NOT NULL,
  pipelines TEXT NOT NULL,
  namespaces TEXT NOT NULL,
  git_commit TEXT,
  tracking_run TEXT,
  as_of DATE,
  status TEXT NOT NULL,
  seconds DOUBLE PRECISION,
  error TEXT,
  CONSTRAINT pk_dim_runs PRIMARY KEY (run_id),
  CONSTRAINT ck_dim_runs_status CHECK (status IN ('running', 'complete', 'failed')),
  CONSTRAINT ck_dim_runs_ended CHECK (status = 'running' OR ended_at IS NOT NULL)
);

CREATE TABLE dim_segments (
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  segment TEXT NOT NULL,
  CONSTRAINT pk_dim_segments PRIMARY KEY (region, store_format)
);

CREATE UNIQUE INDEX ix_dim_segments_segment ON dim_segments (segment);

CREATE TABLE dim_stores (
  region TEXT NOT NULL,
  store_id TEXT NOT NULL,
  store_format TEXT NOT NULL,
  zip_code TEXT,
  is_closed BOOLEAN NOT NULL,
  attributes TEXT,
  CONSTRAINT pk_dim_stores PRIMARY KEY (region, store_id)
);

CREATE TABLE dim_weeks (
  region TEXT NOT NULL,
  week DATE NOT NULL,
  year INTEGER NOT NULL,
  quarter INTEGER NOT NULL,
  month INTEGER NOT NULL,
  iso_year INTEGER NOT NULL,
  iso_week INTEGER NOT NULL,
  fiscal_year INTEGER,
  fiscal_week INTEGER,
  holidays TEXT,
  events TEXT,
  CONSTRAINT pk_dim_weeks PRIMARY KEY (region, week)
);

CREATE TABLE fct_accuracy (
  run_id TEXT NOT NULL,
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  velocity TEXT NOT NULL,
  source TEXT NOT NULL,
  model_name TEXT NOT NULL,
  model_version TEXT NOT NULL,
  as_of DATE NOT NULL,
  horizon INTEGER NOT NULL,
  week DATE NOT NULL,
  rows BIGINT NOT NULL,
  volume DOUBLE PRECISION NOT NULL,
  rows_censored BIGINT NOT NULL,
  mape_sum DOUBLE PRECISION NOT NULL,
  mape_aware_sum DOUBLE PRECISION NOT NULL,
  mape_rows BIGINT NOT NULL,
  mape_mean_sum DOUBLE PRECISION NOT NULL,
  mape_mean_aware_sum DOUBLE PRECISION NOT NULL,
  mape_mean_rows BIGINT NOT NULL,
  wape_sum DOUBLE PRECISION NOT NULL,
  wape_aware_sum DOUBLE PRECISION NOT NULL,
  wape_rows BIGINT NOT NULL,
  wape_median_sum DOUBLE PRECISION NOT NULL,
  wape_median_aware_sum DOUBLE PRECISION NOT NULL,
  wape_median_rows BIGINT NOT NULL,
  bias_sum DOUBLE PRECISION NOT NULL,
  bias_aware_sum DOUBLE PRECISION NOT NULL,
  bias_rows BIGINT NOT NULL,
  rmse_sum DOUBLE PRECISION NOT NULL,
  rmse_aware_sum DOUBLE PRECISION NOT NULL,
  rmse_rows BIGINT NOT NULL,
  rmse_zero_sum DOUBLE PRECISION NOT NULL,
  rmse_zero_aware_sum DOUBLE PRECISION NOT NULL,
  rmse_zero_rows BIGINT NOT NULL,
  rmsse_sum DOUBLE PRECISION NOT NULL,
  rmsse_aware_sum DOUBLE PRECISION NOT NULL,
  rmsse_rows BIGINT NOT NULL,
  pinball_sum DOUBLE PRECISION NOT NULL,
  pinball_aware_sum DOUBLE PRECISION NOT NULL,
  pinball_rows BIGINT NOT NULL,
  coverage_80_sum DOUBLE PRECISION NOT NULL,
  coverage_80_aware_sum DOUBLE PRECISION NOT NULL,
  coverage_80_rows BIGINT NOT NULL,
  coverage_95_sum DOUBLE PRECISION NOT NULL,
  coverage_95_aware_sum DOUBLE PRECISION NOT NULL,
  coverage_95_rows BIGINT NOT NULL,
  CONSTRAINT pk_fct_accuracy PRIMARY KEY (run_id, region, store_format, velocity, source, model_name, model_version, as_of, horizon)
);

CREATE TABLE fct_alerts (
  run_id TEXT NOT NULL,
  rank INTEGER NOT NULL,
  kind TEXT NOT NULL,
  severity TEXT NOT NULL,
  message TEXT NOT NULL,
  action TEXT NOT NULL,
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  velocity TEXT NOT NULL,
  since DATE,
  money DOUBLE PRECISION,
  units DOUBLE PRECISION,
  CONSTRAINT pk_fct_alerts PRIMARY KEY (run_id, rank)
);

CREATE TABLE fct_backtests (
  run_id TEXT NOT NULL,
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  velocity TEXT NOT NULL,
  model TEXT NOT NULL,
  origin DATE NOT NULL,
  horizon INTEGER NOT NULL,
  week DATE NOT NULL,
  rows BIGINT NOT NULL,
  volume DOUBLE PRECISION NOT NULL,
  rows_censored BIGINT NOT NULL,
  mape_sum DOUBLE PRECISION NOT NULL,
  mape_aware_sum DOUBLE PRECISION NOT NULL,
  mape_rows BIGINT NOT NULL,
  mape_mean_sum DOUBLE PRECISION NOT NULL,
  mape_mean_aware_sum DOUBLE PRECISION NOT NULL,
  mape_mean_rows BIGINT NOT NULL,
  wape_sum DOUBLE PRECISION NOT NULL,
  wape_aware_sum DOUBLE PRECISION NOT NULL,
  wape_rows BIGINT NOT NULL,
  wape_median_sum DOUBLE PRECISION NOT NULL,
  wape_median_aware_sum DOUBLE PRECISION NOT NULL,
  wape_median_rows BIGINT NOT NULL,
  bias_sum DOUBLE PRECISION NOT NULL,
  bias_aware_sum DOUBLE PRECISION NOT NULL,
  bias_rows BIGINT NOT NULL,
  rmse_sum DOUBLE PRECISION NOT NULL,
  rmse_aware_sum DOUBLE PRECISION NOT NULL,
  rmse_rows BIGINT NOT NULL,
  rmse_zero_sum DOUBLE PRECISION NOT NULL,
  rmse_zero_aware_sum DOUBLE PRECISION NOT NULL,
  rmse_zero_rows BIGINT NOT NULL,
  rmsse_sum DOUBLE PRECISION NOT NULL,
  rmsse_aware_sum DOUBLE PRECISION NOT NULL,
  rmsse_rows BIGINT NOT NULL,
  pinball_sum DOUBLE PRECISION NOT NULL,
  pinball_aware_sum DOUBLE PRECISION NOT NULL,
  pinball_rows BIGINT NOT NULL,
  coverage_80_sum DOUBLE PRECISION NOT NULL,
  coverage_80_aware_sum DOUBLE PRECISION NOT NULL,
  coverage_80_rows BIGINT NOT NULL,
  coverage_95_sum DOUBLE PRECISION NOT NULL,
  coverage_95_aware_sum DOUBLE PRECISION NOT NULL,
  coverage_95_rows BIGINT NOT NULL,
  CONSTRAINT pk_fct_backtests PRIMARY KEY (run_id, region, store_format, velocity, model, origin, horizon)
);

CREATE TABLE fct_data_quality (
  run_id TEXT NOT NULL,
  region TEXT NOT NULL,
  source TEXT NOT NULL,
  as_of DATE NOT NULL,
  rows_in BIGINT NOT NULL,
  rows_conditioned BIGINT NOT NULL,
  rows_merged BIGINT NOT NULL,
  rows_quarantined BIGINT NOT NULL,
  rows_set_aside BIGINT NOT NULL,
  rows_units_unknown BIGINT NOT NULL,
  cells_blanked BIGINT NOT NULL,
  units_in DOUBLE PRECISION NOT NULL,
  units_conditioned DOUBLE PRECISION NOT NULL,
  units_quarantined DOUBLE PRECISION NOT NULL,
  units_set_aside DOUBLE PRECISION NOT NULL,
  units_standard DOUBLE PRECISION NOT NULL,
  share_quarantined DOUBLE PRECISION NOT NULL,
  CONSTRAINT pk_fct_data_quality PRIMARY KEY (run_id, region, source),
  CONSTRAINT ck_fct_data_quality_rows CHECK (rows_in = rows_conditioned + rows_merged + rows_quarantined + rows_set_aside)
);

CREATE TABLE fct_demands (
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  store_id TEXT NOT NULL,
  product_id TEXT NOT NULL,
  week DATE NOT NULL,
  run_id TEXT NOT NULL,
  delivered DOUBLE PRECISION,
  returned DOUBLE PRECISION,
  demand DOUBLE PRECISION,
  is_sold_out BOOLEAN NOT NULL,
  is_outlier BOOLEAN NOT NULL,
  is_withdrawn BOOLEAN NOT NULL,
  CONSTRAINT pk_fct_demands PRIMARY KEY (region, store_format, store_id, product_id, week, run_id),
  CONSTRAINT ck_fct_demands_withdrawn CHECK (is_withdrawn = (delivered IS NULL))
);

CREATE TABLE fct_explanations (
  run_id TEXT NOT NULL,
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  store_id TEXT NOT NULL,
  product_id TEXT NOT NULL,
  week DATE NOT NULL,
  as_of DATE NOT NULL,
  horizon INTEGER NOT NULL,
  mean DOUBLE PRECISION NOT NULL,
  level DOUBLE PRECISION NOT NULL,
  season DOUBLE PRECISION NOT NULL,
  price_and_promotion DOUBLE PRECISION NOT NULL,
  weather DOUBLE PRECISION NOT NULL,
  events DOUBLE PRECISION NOT NULL,
  store DOUBLE PRECISION NOT NULL,
  product DOUBLE PRECISION NOT NULL,
  network DOUBLE PRECISION NOT NULL,
  distribution DOUBLE PRECISION NOT NULL,
  CONSTRAINT pk_fct_explanations PRIMARY KEY (run_id, region, store_format, store_id, product_id, week)
);

CREATE TABLE fct_forecasts (
  run_id TEXT NOT NULL,
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  store_id TEXT NOT NULL,
  product_id TEXT NOT NULL,
  week DATE NOT NULL,
  velocity TEXT NOT NULL,
  as_of DATE NOT NULL,
  horizon INTEGER NOT NULL,
  mean DOUBLE PRECISION NOT NULL,
  median DOUBLE PRECISION NOT NULL,
  mape_point DOUBLE PRECISION NOT NULL,
  q025 DOUBLE PRECISION NOT NULL,
  q10 DOUBLE PRECISION NOT NULL,
  q25 DOUBLE PRECISION NOT NULL,
  q50 DOUBLE PRECISION NOT NULL,
  q75 DOUBLE PRECISION NOT NULL,
  q90 DOUBLE PRECISION NOT NULL,
  q975 DOUBLE PRECISION NOT NULL,
  source TEXT NOT NULL,
  reason TEXT NOT NULL,
  model_kind TEXT NOT NULL,
  model_name TEXT NOT NULL,
  model_version TEXT NOT NULL,
  CONSTRAINT pk_fct_forecasts PRIMARY KEY (run_id, region, store_format, store_id, product_id, week),
  CONSTRAINT ck_fct_forecasts_horizon CHECK (horizon >= 1),
  CONSTRAINT ck_fct_forecasts_quantiles CHECK (mean >= 0 AND q025 <= q50 AND q50 <= q975)
);

CREATE TABLE fct_model_health (
  run_id TEXT NOT NULL,
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  velocity TEXT NOT NULL,
  as_of DATE NOT NULL,
  model_version TEXT,
  trained_until DATE,
  data_age_days INTEGER,
  validated_mape DOUBLE PRECISION,
  realised_mape DOUBLE PRECISION,
  realised_rows BIGINT NOT NULL,
  CONSTRAINT pk_fct_model_health PRIMARY KEY (run_id, region, store_format, velocity)
);

CREATE TABLE fct_orders (
  run_id TEXT NOT NULL,
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  store_id TEXT NOT NULL,
  product_id TEXT NOT NULL,
  week DATE NOT NULL,
  as_of DATE NOT NULL,
  horizon INTEGER NOT NULL,
  critical_ratio DOUBLE PRECISION NOT NULL,
  order_quantity BIGINT NOT NULL,
  pack_size DOUBLE PRECISION NOT NULL,
  order_bound_by TEXT NOT NULL,
  margin_unit TEXT NOT NULL,
  sell_out_probability DOUBLE PRECISION NOT NULL,
  expected_fill_rate DOUBLE PRECISION NOT NULL,
  expected_waste DOUBLE PRECISION NOT NULL,
  expected_margin DOUBLE PRECISION NOT NULL,
  expected_cost DOUBLE PRECISION NOT NULL,
  beyond_history BOOLEAN NOT NULL,
  delivery_date DATE NOT NULL,
  CONSTRAINT pk_fct_orders PRIMARY KEY (run_id, region, store_format, store_id, product_id, week),
  CONSTRAINT ck_fct_orders_quantity CHECK (order_quantity >= 0)
);

CREATE TABLE fct_overrides (
  override_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  target TEXT NOT NULL,
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  store_id TEXT NOT NULL,
  product_id TEXT NOT NULL,
  owner TEXT NOT NULL,
  reason TEXT NOT NULL,
  note TEXT NOT NULL,
  first_week DATE NOT NULL,
  last_week DATE NOT NULL,
  factor DOUBLE PRECISION,
  amount DOUBLE PRECISION,
  made_at TIMESTAMP NOT NULL,
  ended_at TIMESTAMP,
  CONSTRAINT pk_fct_overrides PRIMARY KEY (override_id),
  CONSTRAINT ck_fct_overrides_one_change CHECK ((factor IS NULL) <> (amount IS NULL))
);

CREATE TABLE fct_publications (
  run_id TEXT NOT NULL,
  fact TEXT NOT NULL,
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  velocity TEXT NOT NULL,
  written_by TEXT NOT NULL,
  digest TEXT NOT NULL,
  rows BIGINT NOT NULL,
  units DOUBLE PRECISION,
  published_at TIMESTAMP NOT NULL,
  CONSTRAINT pk_fct_publications PRIMARY KEY (run_id, fact, region, store_format, velocity)
);

CREATE TABLE fct_quarantined_rows (
  run_id TEXT NOT NULL,
  region TEXT NOT NULL,
  position INTEGER NOT NULL,
  source TEXT NOT NULL,
  file TEXT NOT NULL,
  row TEXT NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  record TEXT NOT NULL,
  CONSTRAINT pk_fct_quarantined_rows PRIMARY KEY (run_id, region, position)
);

CREATE TABLE fct_rejections (
  run_id TEXT NOT NULL,
  region TEXT NOT NULL,
  source TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  rows BIGINT NOT NULL,
  CONSTRAINT pk_fct_rejections PRIMARY KEY (run_id, region, source, outcome, reason)
);

CREATE TABLE fct_releases (
  release_id TEXT NOT NULL,
  model_name TEXT NOT NULL,
  model_version TEXT NOT NULL,
  run_id TEXT NOT NULL,
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  velocity TEXT NOT NULL,
  released_at TIMESTAMP NOT NULL,
  note TEXT,
  CONSTRAINT pk_fct_releases PRIMARY KEY (release_id, model_name)
);

CREATE TABLE fct_retraining (
  run_id TEXT NOT NULL,
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  velocity TEXT NOT NULL,
  retrain BOOLEAN NOT NULL,
  reasons TEXT NOT NULL,
  details TEXT NOT NULL,
  CONSTRAINT pk_fct_retraining PRIMARY KEY (run_id, region, store_format, velocity)
);

CREATE TABLE fct_steps (
  run_id TEXT NOT NULL,
  stage TEXT NOT NULL,
  place TEXT NOT NULL,
  nodes BIGINT NOT NULL,
  seconds DOUBLE PRECISION NOT NULL,
  error TEXT,
  CONSTRAINT pk_fct_steps PRIMARY KEY (run_id, stage, place)
);

CREATE TABLE fct_totals (
  run_id TEXT NOT NULL,
  level TEXT NOT NULL,
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  product_id TEXT NOT NULL,
  period TEXT NOT NULL,
  first_week DATE NOT NULL,
  week DATE NOT NULL,
  as_of DATE NOT NULL,
  series BIGINT NOT NULL,
  mean DOUBLE PRECISION NOT NULL,
  q025 DOUBLE PRECISION NOT NULL,
  q10 DOUBLE PRECISION NOT NULL,
  q25 DOUBLE PRECISION NOT NULL,
  q50 DOUBLE PRECISION NOT NULL,
  q75 DOUBLE PRECISION NOT NULL,
  q90 DOUBLE PRECISION NOT NULL,
  q975 DOUBLE PRECISION NOT NULL,
  CONSTRAINT pk_fct_totals PRIMARY KEY (run_id, level, region, store_format, product_id, period, week)
);

CREATE TABLE fct_validations (
  run_id TEXT NOT NULL,
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  velocity TEXT NOT NULL,
  challenger TEXT NOT NULL,
  is_passed BOOLEAN NOT NULL,
  reason TEXT NOT NULL,
  alarm TEXT NOT NULL,
  CONSTRAINT pk_fct_validations PRIMARY KEY (run_id, region, store_format, velocity)
);

CREATE TABLE fct_verdicts (
  run_id TEXT NOT NULL,
  region TEXT NOT NULL,
  store_format TEXT NOT NULL,
  velocity TEXT NOT NULL,
  rule TEXT NOT NULL,
  position INTEGER NOT NULL,
  is_passed BOOLEAN NOT NULL,
  is_blocking BOOLEAN NOT NULL,
  figure DOUBLE PRECISION,
  bound DOUBLE PRECISION,
  detail TEXT NOT NULL,
  CONSTRAINT pk_fct_verdicts PRIMARY KEY (run_id, region, store_format, velocity, rule)
);

CREATE TABLE results_store_views (
  digest TEXT NOT NULL,
  CONSTRAINT pk_results_store_views PRIMARY KEY (digest)
);
