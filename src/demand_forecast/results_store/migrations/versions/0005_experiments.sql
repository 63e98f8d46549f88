CREATE TABLE fct_experiments (
  run_id TEXT NOT NULL,
  experiment TEXT NOT NULL,
  status TEXT NOT NULL,
  kind TEXT NOT NULL,
  owner TEXT NOT NULL,
  models TEXT NOT NULL,
  share DOUBLE PRECISION,
  start_week DATE NOT NULL,
  end_week DATE,
  stores BIGINT NOT NULL,
  stores_chosen BIGINT NOT NULL,
  weeks BIGINT NOT NULL,
  why TEXT NOT NULL,
  problem TEXT NOT NULL,
  CONSTRAINT pk_fct_experiments PRIMARY KEY (run_id, experiment)
);

CREATE TABLE fct_experiment_readouts (
  run_id TEXT NOT NULL,
  experiment TEXT NOT NULL,
  measure TEXT NOT NULL,
  week DATE NOT NULL,
  control DOUBLE PRECISION,
  challenger DOUBLE PRECISION,
  difference DOUBLE PRECISION,
  lower DOUBLE PRECISION,
  upper DOUBLE PRECISION,
  unit TEXT NOT NULL,
  verdict TEXT NOT NULL,
  is_harmful BOOLEAN NOT NULL,
  CONSTRAINT pk_fct_experiment_readouts PRIMARY KEY (run_id, experiment, measure, week)
);
